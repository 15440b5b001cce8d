import { isDeepStrictEqual } from 'node:util'
import type {
  FlagChange,
  FlagChangeReply,
  FlagChangeRequest,
  FlagChangesRequest,
  FlagTarget,
} from '../../src/lib/feature-flags/flag-authority-calls.ts'
import { FlagAuthority } from '../../src/lib/feature-flags/flag-authority.ts'
import type { FlagDefinition, FlagSegment } from '../../src/lib/feature-flags/flag-definition.ts'
import type { FlagRuleset } from '../../src/lib/feature-flags/flag-ruleset.ts'
import { MapFlagStorage } from '../../src/lib/feature-flags/map-flag-storage.ts'
import { validateFlag, validateSegment } from '../../src/lib/feature-flags/validate-flag.ts'
import { createSeededRandom } from '../../src/lib/testing/seeded-random.ts'
import { FlagModel } from './flag-model.ts'

const startMs = 1_800_000_000_000
const flagNames = ['a', 'b', 'c', 'd', 'constructor', '__proto__']
const segmentNames = ['s', 't', 'a', '__proto__']
const longRunChanges = 1100

/** A call on its way: it may arrive several times, and its replies may be lost. */
interface Call {
  readonly request: FlagChangesRequest
  readonly editor: Editor
}

interface Editor {
  readonly name: string
  /** What it read last, perhaps long ago. */
  seen: FlagRuleset | undefined
}

export interface AuthorityFuzzCounts {
  changes: number
  /** Several changes that were made together. */
  imports: number
  conflicts: number
  refusals: number
  repeats: number
  restarts: number
}

/**
 * Several editors that read, change and write through one authority, whose calls overtake each other, arrive twice and lose their
 * replies, over restarts and a clock that jumps. Each reply, and what is there after it, is compared with a model.
 *
 * @returns What went wrong, or nothing.
 */
export function runAuthorityFuzz(seed: number, counts: AuthorityFuzzCounts): string | undefined {
  try {
    new AuthorityRun(seed, counts).run()
    return undefined
  } catch (error) {
    return `seed ${seed}: ${error instanceof Error ? error.message : String(error)}`
  }
}

class AuthorityRun {
  readonly #random: () => number
  readonly #counts: AuthorityFuzzCounts
  readonly #model = new FlagModel()
  readonly #storage = new MapFlagStorage()
  readonly #isLong: boolean
  readonly #editors: Editor[] = ['ada', 'bob', 'eve'].map((name) => ({ name, seen: undefined }))
  /** What was not answered, as far as its editor knows. */
  #waiting: Call[] = []
  /** What was answered, and may arrive again. */
  readonly #late: Call[] = []
  #authority: FlagAuthority
  #nowMs = startMs
  #ids = 0

  constructor(seed: number, counts: AuthorityFuzzCounts) {
    this.#random = createSeededRandom(seed)
    this.#counts = counts
    this.#isLong = seed % 40 === 0
    this.#authority = this.#open()
  }

  run(): void {
    const steps = this.#isLong ? 4 * longRunChanges : 150
    for (let step = 0; step < steps; step++) this.#step()
    if (this.#isLong) {
      while (this.#model.version < longRunChanges) this.#step()
    }
    this.#restart()
    this.#checkHistory()
  }

  #step(): void {
    const random = this.#random()
    if (random < 0.25) this.#read()
    else if (random < 0.55) this.#send()
    else if (random < 0.85) this.#deliver()
    else if (random < 0.9) this.#deliverLate()
    else if (random < 0.93) this.#askHistory()
    else if (random < 0.96) this.#sendGarbage()
    else if (random < 0.975) this.#restart()
    else this.#nowMs += this.#random() < 0.3 ? -3_600_000 : 1000 * this.#random()
  }

  #open(): FlagAuthority {
    const now = (): number => this.#nowMs
    return new FlagAuthority({ storage: this.#storage, now, validateFlag, validateSegment })
  }

  #restart(): void {
    this.#counts.restarts++
    this.#authority = this.#open()
    this.#model.restart()
    this.#checkRuleset()
  }

  #read(): void {
    const editor = this.#pick(this.#editors)
    const known = editor.seen?.version
    const { version, ruleset } = this.#authority.getRuleset(known)
    expectSame('version', version, this.#model.version)
    if (known === version) expectSame('ruleset for who knows it', ruleset, undefined)
    else expectSame('ruleset', ruleset, this.#model.ruleset)
    editor.seen = ruleset ?? editor.seen
  }

  #send(): void {
    const editor = this.#pick(this.#editors)
    const change = this.#toRequest(editor)
    const { changeId, author, reason } = change
    const isMany = this.#random() < 0.2
    const more = isMany ? Array.from({ length: 3 }, () => this.#toRequest(editor)) : []
    const changes = [change, ...more]
    const request = { changeId, author, ...(reason !== undefined && { reason }), changes }
    const other = this.#late.at(-1)?.request.changeId
    const isMixedUp = other !== undefined && change.next !== null && this.#random() < 0.03
    this.#waiting.push({ request: isMixedUp ? { ...request, changeId: other } : request, editor })
  }

  #toRequest(editor: Editor): FlagChangeRequest {
    const { seen } = editor
    const common = { changeId: `${editor.name}-${++this.#ids}`, author: editor.name }
    const random = this.#random()
    if (random < 0.2) {
      const target = { kind: 'segment', name: this.#pick(segmentNames) } as const
      const next = this.#random() < 0.25 ? null : this.#toSegment()
      const ifVersion = own(seen?.segments, target.name)?.version ?? 0
      return { ...common, target, next, ...(this.#random() < 0.5 && { ifVersion }) }
    }
    const target = { kind: 'flag', name: this.#pick(flagNames) } as const
    const current = own(seen?.flags, target.name)
    const ifVersion = current?.version ?? 0
    if (random < 0.45) {
      // As `updateFlag` does it: with the version of the ruleset still in it.
      const allow = [...(current?.allow ?? []), common.changeId].slice(-20)
      return { ...common, target, next: { ...(current ?? { enabled: true }), allow }, ifVersion }
    }
    const checked = this.#random() < 0.4 ? { ifVersion } : {}
    if (random < 0.6) return { ...common, target, next: null, ...checked }
    if (random < 0.75) {
      const renamed = { ...target, name: this.#pick(flagNames) }
      if (renamed.name === target.name) return { ...common, target, next: null, ...checked }
      const next = current ?? { enabled: false, description: 'renamed unseen' }
      return { ...common, target: renamed, renamedFrom: target.name, next, ...checked }
    }
    const reason = this.#random() < 0.5 ? { reason: 'because' } : {}
    return { ...common, target, next: this.#toFlag(), ...checked, ...reason }
  }

  #toFlag(): FlagDefinition {
    const chance = (share: number): boolean => this.#random() < share
    const salt = `salt ${this.#ids}`
    return {
      enabled: chance(0.5),
      description: `change ${this.#ids}`,
      ...(chance(0.15) && {
        variants: { yes: true, no: false },
        onVariant: 'yes',
        offVariant: 'no',
      }),
      ...(chance(0.2) && { bucketing: { algorithm: 'sha256', version: 1, salt } }),
      ...(chance(0.35) && { prerequisites: [{ flag: this.#pick(flagNames) }] }),
      ...(chance(0.35) && {
        rules: [{ when: { segment: this.#pick(segmentNames) }, percentage: 50 }],
      }),
      ...(chance(0.05) && { colour: 'red' }),
    }
  }

  #toSegment(): FlagSegment {
    const segment = this.#pick(segmentNames)
    const plain = { attribute: 'plan', op: 'eq', value: this.#ids } as const
    const random = this.#random()
    if (random < 0.5) return { when: plain }
    if (random < 0.6) return { when: { segment } }
    if (random < 0.7) return { when: { not: { segment } } }
    if (random < 0.85) return { when: { all: [plain, { segment }] } }
    return { when: { any: [{ not: plain }, { all: [{ segment }] }] } }
  }

  #deliver(): void {
    if (this.#waiting.length === 0) return
    const call = this.#pick(this.#waiting)
    const reply = this.#arrive(call)
    // Lost on the way: it is sent again, perhaps much later.
    if (this.#random() < 0.3) return
    this.#waiting = this.#waiting.filter((other) => other !== call)
    if (this.#random() < 0.3) this.#late.push(call)
    if (!reply.ok && reply.reason === 'conflict') {
      this.#counts.conflicts++
      if (this.#random() < 0.8) call.editor.seen = this.#authority.getRuleset().ruleset
    }
  }

  /** Long after its editor went on. Not older than what is promised to be known. */
  #deliverLate(): void {
    if (this.#late.length === 0) return
    this.#counts.repeats++
    const call = this.#pick(this.#late)
    this.#arrive(call)
    if (this.#random() < 0.1) this.#late.splice(this.#late.indexOf(call), 1)
  }

  #arrive({ request }: Call): FlagChangeReply {
    const before = this.#model.version
    if (this.#isForgotten(request)) return { ok: true, version: 0 }
    const { changes, ...origin } = request
    const [first, second] = changes
    const reply =
      first !== undefined && second === undefined
        ? this.#authority.change({ ...first, ...origin })
        : this.#authority.changeAll(request)
    const expected = this.#model.change(request, this.#nowMs)
    if (!reply.ok && reply.reason === 'invalid') {
      this.#counts.refusals++
      const { index: _, ...told } = reply
      expectSame(`reply to ${JSON.stringify(request)}`, { ...told, faults: [] }, expected)
      if (reply.faults.length === 0) throw new Error('a change was refused for nothing')
      this.#checkFaults(request, reply.faults)
    } else {
      expectSame(`reply to ${JSON.stringify(request)}`, reply, expected)
    }
    this.#counts.changes += this.#model.version - before
    if (this.#model.version > before + 1) this.#counts.imports++
    this.#checkRuleset()
    return reply
  }

  /** Whether its change is among those that may be forgotten. */
  #isForgotten({ changeId }: FlagChangesRequest): boolean {
    const version = this.#model.versionOf(changeId)
    return version !== undefined && version <= this.#model.version - 1000
  }

  /** Where others would be left with a fault, they are named. */
  #checkFaults(
    { changes }: FlagChangesRequest,
    faults: readonly { readonly path: string }[],
  ): void {
    if (changes.some(({ next }) => next !== null)) return
    const isNaming = faults.every(({ path }) => /^(flags|segments)\["[^"]+"\]\./.test(path))
    const isIdTaken = faults.some(({ path }) => path === 'changeId')
    if (!isNaming && !isIdTaken)
      throw new Error(`a deletion was refused: ${JSON.stringify(faults)}`)
  }

  #sendGarbage(): void {
    const editor = this.#pick(this.#editors)
    const good = this.#toRequest(editor)
    const { target } = good
    const named = (name: string): FlagTarget => ({ ...target, name })
    const bad: Partial<Record<keyof FlagChangeRequest, unknown>> = this.#pick([
      { target: named('') },
      { target: named('a'.repeat(129)) },
      { target: named('\ud800') },
      { target: named('a\u0000') },
      { target: { kind: 'other', name: 'a' } },
      { target: named('new'), renamedFrom: '\udfff' },
      { target: named('b'), renamedFrom: 'b' },
      { target: { kind: 'segment', name: 'new' }, renamedFrom: 's' },
      { target: { kind: 'flag', name: 'new' }, renamedFrom: 'a', next: null },
      { next: { enabled: 1n } },
      { next: undefined },
      { author: '' },
      { author: 'x'.repeat(201) },
      { author: 7 },
      { reason: 'x'.repeat(1001) },
      { reason: 7 },
      { ifVersion: -1 },
      { ifVersion: 0.5 },
      { changeId: '' },
      { changeId: 'x'.repeat(129) },
    ])
    const { ifVersion: _, ...unchecked } = good
    const reply = this.#authority.change({ ...unchecked, ...bad } as FlagChangeRequest)
    if (reply.ok || reply.reason !== 'invalid' || reply.faults.length === 0) {
      throw new Error(`${JSON.stringify(Object.keys(bad))} was taken: ${JSON.stringify(reply)}`)
    }
    this.#checkRuleset()
  }

  #askHistory(): void {
    const kind = this.#pick(['flag', 'segment'] as const)
    const target = { kind, name: this.#pick([...flagNames, ...segmentNames]) }
    const request = {
      ...(this.#random() < 0.6 && { target }),
      ...(this.#random() < 0.5 && {
        beforeVersion: Math.ceil(this.#random() * (this.#model.version + 2)),
      }),
      ...(this.#random() < 0.5 && { limit: 1 + Math.floor(this.#random() * 100) }),
    }
    expectSame('history', this.#authority.getHistory(request), this.#model.history(request))
  }

  #checkRuleset(): void {
    const { ruleset } = this.#authority.getRuleset()
    expectSame('ruleset', ruleset, this.#model.ruleset)
    // As KV and RPC would carry it.
    expectSame('ruleset as JSON', JSON.parse(JSON.stringify(ruleset)), this.#model.ruleset)
  }

  /** All of it, page by page: it replays to what is there. */
  #checkHistory(): void {
    const changes: FlagChange[] = []
    for (;;) {
      const beforeVersion = changes.at(-1)?.version ?? Infinity
      const page = this.#authority.getHistory(
        beforeVersion === Infinity ? { limit: 100 } : { beforeVersion, limit: 100 },
      )
      if (page.length === 0) break
      changes.push(...page)
    }
    changes.reverse()
    const { version } = this.#model
    expectSame('length of the history', changes.length, Math.min(1000, version))
    changes.forEach((change, index) => {
      expectSame('version in the history', change.version, version - changes.length + 1 + index)
      const earlierMs = changes[index - 1]?.atMs ?? 0
      if (change.atMs < earlierMs) throw new Error('the history goes back in time')
    })
    if (version > 1000) return
    const flags = new Map<string, unknown>()
    const segments = new Map<string, unknown>()
    for (const { target, renamedFrom, before, after } of changes) {
      const entries = target.kind === 'flag' ? flags : segments
      const from = renamedFrom ?? target.name
      expectSame('what was before a change', before, entries.get(from) ?? null)
      entries.delete(from)
      if (after !== null) entries.set(target.name, after)
    }
    const { ruleset } = this.#authority.getRuleset()
    expectSame('replayed flags', Object.fromEntries(flags), withoutVersions(ruleset?.flags))
    expectSame(
      'replayed segments',
      Object.fromEntries(segments),
      withoutVersions(ruleset?.segments),
    )
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.#random() * from.length)]
    if (picked === undefined) throw new RangeError('Cannot pick: the list must not be empty')
    return picked
  }
}

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
}

function withoutVersions(stored: Readonly<Record<string, object>> = {}): unknown {
  return Object.fromEntries(
    Object.entries(stored).map(
      ([name, { version: _, ...rest }]: [string, { version?: number }]) => [name, rest],
    ),
  )
}

function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what}: expected ${toLine(expected)}, received ${toLine(actual)}`)
}

function toLine(value: unknown): string {
  return (JSON.stringify(value) as string | undefined)?.slice(0, 600) ?? 'undefined'
}
