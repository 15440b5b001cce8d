import type {
  FlagChange,
  FlagChangeReply,
  FlagChangeRequest,
  FlagChangesRequest,
  FlagHistoryRequest,
  FlagTarget,
} from '../../src/lib/feature-flags/flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from '../../src/lib/feature-flags/flag-definition.ts'

type Definition = FlagDefinition | FlagSegment

interface Decided {
  readonly target: FlagTarget
  readonly reply: FlagChangeReply
}

interface Entry {
  readonly target: FlagTarget
  readonly version: number
  readonly definition: Definition
}

/** What it should say, from all that ever happened: nothing is forgotten, and every definition is looked at each time. */
export class FlagModel {
  readonly changes: FlagChange[] = []
  entries = new Map<string, Entry>()
  #changedAtMs = 0
  readonly #accepted = new Map<string, Decided>()
  readonly #refused = new Map<string, Decided>()

  get version(): number {
    return this.changes.length
  }

  get ruleset(): unknown {
    const record = (kind: FlagTarget['kind']): unknown => {
      const entries = [...this.entries.values()].filter(({ target }) => target.kind === kind)
      return Object.fromEntries(
        entries.map(({ target: { name }, version, definition }) => [
          name,
          { ...definition, version },
        ]),
      )
    }
    return {
      format: 1,
      version: this.version,
      changedAtMs: this.#changedAtMs,
      flags: record('flag'),
      segments: record('segment'),
    }
  }

  /** Of a change that was made. */
  versionOf(changeId: string): number | undefined {
    const reply = this.#accepted.get(changeId)?.reply
    return reply?.ok === true ? reply.version : undefined
  }

  restart(): void {
    this.#refused.clear()
  }

  history({ target, beforeVersion = Infinity, limit = 50 }: FlagHistoryRequest): FlagChange[] {
    return this.changes
      .slice(-1000)
      .filter(({ version }) => version < beforeVersion)
      .filter(
        (change) =>
          target === undefined ||
          (change.target.kind === target.kind &&
            (change.target.name === target.name || change.renamedFrom === target.name)),
      )
      .reverse()
      .slice(0, limit)
  }

  /** @returns The reply, of what is invalid without its faults and where they are. */
  change(request: FlagChangesRequest, nowMs: number): FlagChangeReply {
    const { changeId, changes } = request
    const known = this.#accepted.get(changeId) ?? this.#refused.get(changeId)
    if (known !== undefined) {
      const isSame = changes.some(({ target }) => toKey(target) === toKey(known.target))
      return isSame ? known.reply : invalid
    }
    const { entries, version } = this
    const changedAtMs = this.#changedAtMs
    const reply = this.#decideAll(request, nowMs)
    if (!reply.ok) {
      this.entries = entries
      this.#changedAtMs = changedAtMs
      this.changes.length = version
    }
    const target = changes.at(-1)?.target ?? { kind: 'flag', name: '' }
    const book = this.version > version ? this.#accepted : this.#refused
    book.set(changeId, { target, reply })
    const [oldest = ''] = this.#refused.keys()
    if (this.#refused.size > 200) this.#refused.delete(oldest)
    return reply
  }

  #decideAll({ changes, ...origin }: FlagChangesRequest, nowMs: number): FlagChangeReply {
    const before = this.version
    for (const [index, change] of changes.entries()) {
      const reply = this.#decide({ ...change, ...origin }, nowMs)
      if (reply.ok) continue
      return reply.reason === 'invalid' || index === 0 ? reply : { ...reply, index }
    }
    const { entries } = this
    // Also what was written over at once, because it is in the history.
    const made = this.changes.slice(before).flatMap(({ target, version, after }) => {
      return after === null ? [] : [{ target, version, definition: after }]
    })
    const isSoundAll = [...entries.values(), ...made].every((entry) => isSound(entry, entries))
    if (!isSoundAll) return invalid
    const { version } = this
    return version > before ? { ok: true, version } : { ok: true, version, isUnchanged: true }
  }

  #decide(request: FlagChangeRequest, nowMs: number): FlagChangeReply {
    const { target, next, renamedFrom, ifVersion, author, reason } = request
    const source = { kind: target.kind, name: renamedFrom ?? target.name }
    const current = this.entries.get(toKey(source))
    const seen = current?.version ?? 0
    if (ifVersion !== undefined && ifVersion !== seen) {
      return { ok: false, reason: 'conflict', version: seen }
    }
    const isTaken = this.entries.has(toKey(target))
    if (renamedFrom !== undefined && (current === undefined || isTaken)) return invalid
    if (next === null && current === undefined) return { ok: true, version: this.version }
    const after = next === null ? null : toStored(target, next, current?.definition)
    const entries = new Map(this.entries)
    entries.delete(toKey(source))
    const version = this.version + 1
    if (after !== null) entries.set(toKey(target), { target, version, definition: after })
    this.entries = entries
    this.#changedAtMs = Math.max(this.#changedAtMs, nowMs)
    this.changes.push({
      version,
      atMs: this.#changedAtMs,
      target,
      author,
      ...(reason !== undefined && { reason }),
      ...(renamedFrom !== undefined && { renamedFrom }),
      before: current?.definition ?? null,
      after,
    })
    return { ok: true, version }
  }
}

/** Faults are compared by themselves. */
const invalid: FlagChangeReply = { ok: false, reason: 'invalid', faults: [] }

function toKey({ kind, name }: FlagTarget): string {
  return `${kind} ${name}`
}

function toStored(
  target: FlagTarget,
  next: Definition,
  current: Definition | undefined,
): Definition {
  const { version: _, ...definition } = next as FlagDefinition & { version?: number }
  if (target.kind === 'segment' || definition.bucketing !== undefined) return definition
  const byName = { algorithm: 'sha256', version: 1, salt: target.name }
  return { ...definition, bucketing: (current as FlagDefinition | undefined)?.bucketing ?? byName }
}

/** Of the few kinds of definitions that the fuzz makes. */
function isSound({ target, definition }: Entry, entries: ReadonlyMap<string, Entry>): boolean {
  if ('colour' in definition) return false
  const isReaching = (from: Definition, kind: FlagTarget['kind'], seen: string[]): boolean =>
    referencesOf(from).every((reference) => {
      const key = toKey(reference)
      const found = entries.get(key)?.definition
      if (found === undefined || seen.includes(key)) return false
      if (reference.kind === 'flag' && 'variants' in found) return false
      return reference.kind !== kind || isReaching(found, kind, [...seen, key])
    })
  return isReaching(definition, target.kind, [toKey(target)])
}

function referencesOf(definition: Definition): FlagTarget[] {
  const conditions =
    'when' in definition ? [definition.when] : (definition.rules ?? []).map(({ when }) => when)
  const text = JSON.stringify(conditions)
  const segments = [...text.matchAll(/"segment":"([^"]+)"/g)].map(([, name = '']) => name)
  const flags = 'when' in definition ? [] : (definition.prerequisites ?? []).map(({ flag }) => flag)
  return [
    ...segments.map((name) => ({ kind: 'segment', name }) as const),
    ...flags.map((name) => ({ kind: 'flag', name }) as const),
  ]
}
