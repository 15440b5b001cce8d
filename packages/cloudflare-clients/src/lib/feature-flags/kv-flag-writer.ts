import { kvCall } from '../kv/kv-error.ts'
import { maxWriteMs } from '../kv/kv-limits.ts'
import { createKeyRecords } from '../kv/key-records.ts'
import { raceTimer, type Timers } from '../shared/timers.ts'
import type { FlagChangeReply, FlagChangesRequest } from './flag-authority-calls.ts'
import { FlagAuthority } from './flag-authority.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import { FlagError } from './flag-error.ts'
import type { FlagRuleset } from './flag-ruleset.ts'
import type { FlagRow } from './flag-storage.ts'
import { MapFlagStorage } from './map-flag-storage.ts'
import { validateFlag, validateSegment } from './validate-flag.ts'

export interface KVFlagWriterOptions {
  readonly kv: KVNamespace
  readonly key: string
  readonly now: () => number
  readonly timers: Timers
  /** What this isolate knows: it may be newer than what KV says here. */
  readonly held: () => FlagRuleset | undefined
  /** Told what was written. */
  readonly onWritten: (ruleset: FlagRuleset, text: string) => void
}

/**
 * Changes a ruleset where KV is alone: reads it, decides as the authority does, and writes it. Of one isolate the changes are made one after
 * the other, a second apart. Another isolate's change between reading and writing is lost.
 */
export class KVFlagWriter {
  readonly #options: KVFlagWriterOptions
  readonly #records: ReturnType<typeof createKeyRecords>
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: KVFlagWriterOptions) {
    this.#options = options
    this.#records = createKeyRecords({ now: options.now, timers: options.timers, maxKeys: 1 })
  }

  /** @throws {KVError} When KV fails. @throws {FlagError} When what it holds is no ruleset. */
  async read(): Promise<FlagRuleset> {
    const { kv, key, held } = this.#options
    const text = await kvCall('read', () => kv.get(key, { type: 'text', cacheTtl: 30 }))
    const known = held()
    const stored = text === null ? noRuleset : parse(text)
    return known !== undefined && known.version > stored.version ? known : stored
  }

  /**
   * Makes all of the changes in one write, or none.
   *
   * @throws {KVError} When KV fails.
   * @throws {FlagError} When what KV holds is no ruleset.
   */
  change(request: FlagChangesRequest): Promise<FlagChangeReply> {
    return this.#inTurn(async () => {
      const before = await this.read()
      const storage = new MapFlagStorage()
      storage.adopt(before, toRows(before))
      const { now } = this.#options
      const authority = new FlagAuthority({ storage, now, validateFlag, validateSegment })
      const reply = authority.changeAll(request)
      const { ruleset } = authority.getRuleset(before.version)
      if (ruleset !== undefined) await this.#write(ruleset)
      return reply
    })
  }

  async #write(ruleset: FlagRuleset): Promise<void> {
    const { kv, key, onWritten } = this.#options
    const text = JSON.stringify(ruleset)
    await this.#records.write(key, () => kv.put(key, text), { operation: 'write' })
    onWritten(ruleset, text)
  }

  /** Each waits with a timer of its own, because the request of the one before may have died. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { timers } = this.#options
    const before = this.#last
    const own = (async () => {
      await raceTimer(before, { delayMs: maxWriteMs, timers })
      return work()
    })()
    this.#last = own.catch(() => undefined)
    return own
  }
}

const noRuleset: FlagRuleset = { format: 1, version: 0, changedAtMs: 0, flags: {} }

/** What is no ruleset is not written over: somebody else may need it. */
function parse(text: string): FlagRuleset {
  try {
    const ruleset = JSON.parse(text) as Partial<FlagRuleset> | null
    if (ruleset?.format === 1 && Object(ruleset.flags) === ruleset.flags) {
      return ruleset as FlagRuleset
    }
  } catch {
    // Below.
  }
  throw new FlagError('Cannot change flags: KV holds no ruleset of format 1 under their key', {
    code: 'invalid',
    operation: 'change',
  })
}

function toRows({ flags, segments = {} }: FlagRuleset): FlagRow[] {
  const toRow =
    (kind: FlagRow['kind']) =>
    ([name, { version = 0, ...definition }]: [
      string,
      (FlagDefinition | FlagSegment) & { readonly version?: number },
    ]): FlagRow => ({ kind, name, version, definition: definition })
  return [
    ...Object.entries(flags).map(toRow('flag')),
    ...Object.entries(segments).map(toRow('segment')),
  ]
}
