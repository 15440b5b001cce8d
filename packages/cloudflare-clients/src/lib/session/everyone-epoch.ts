import { type Timers, sleep } from '../shared/timers.ts'
import { type AuthorityWait, callAuthority } from './call-authority.ts'
import type { SessionAuthorityCalls, SessionAuthorityNamespace } from './session-authority-calls.ts'

/** Each isolate reads from one of them, so that none has to answer all. */
const shardCount = 4

export interface EveryoneEpochOptions extends AuthorityWait {
  readonly authority: SessionAuthorityNamespace
  readonly now: () => number
  readonly timers: Timers
  /** How long what was read is held. */
  readonly holdMs: number
  readonly random: (bytes: Uint8Array) => Uint8Array
}

/** The epoch of everyone, as one isolate knows it. Sessions of an older one are over. */
export class EveryoneEpoch {
  readonly #options: EveryoneEpochOptions
  #shard: number | undefined
  #readAtMs = -Infinity
  /** The highest that was read. */
  known = 0

  constructor(options: EveryoneEpochOptions) {
    this.#options = options
  }

  /** @returns An epoch that was true less than the time ago for which it may be held. */
  async current(): Promise<number> {
    const { now, holdMs } = this.#options
    const nowMs = now()
    // What was read by a clock that has been set back since is not held for longer.
    const ageMs = nowMs - this.#readAtMs
    return ageMs >= 0 && ageMs < holdMs ? this.known : this.read()
  }

  /** @returns The highest epoch there is, for a session that is made now: where `raise` begins. */
  async readHighest(): Promise<number> {
    this.known = Math.max(this.known, await this.#at(0).getEveryoneEpoch())
    return this.known
  }

  async read(): Promise<number> {
    const { now, random } = this.#options
    const readAtMs = now()
    // Not sooner: a Worker has no random numbers while it starts.
    const shard = (this.#shard ??= (random(new Uint8Array(1))[0] ?? 0) % shardCount)
    try {
      this.known = Math.max(this.known, await this.#at(shard).getEveryoneEpoch())
    } catch (error) {
      // The next to ask asks another.
      this.#shard = (shard + 1) % shardCount
      throw error
    }
    this.#readAtMs = Math.max(this.#readAtMs, readAtMs)
    return this.known
  }

  /**
   * Begins a new epoch, and returns when no isolate can hold the old one.
   *
   * @throws {SessionError} When one of the objects cannot be reached: those that read from it may go on with the old one.
   */
  async raise(operation: string): Promise<void> {
    const shards = Array.from({ length: shardCount }, (_, shard) => shard)
    const askAll = (ask: (calls: SessionAuthorityCalls) => Promise<number>): Promise<number[]> =>
      callAuthority(
        operation,
        () => Promise.all(shards.map((shard) => ask(this.#at(shard)))),
        this.#options,
      )
    const next = 1 + Math.max(...(await askAll((calls) => calls.getEveryoneEpoch())))
    // Alone and first, so that what is made by it later is good everywhere, also where the others are not reached.
    await callAuthority(operation, () => this.#at(0).raiseEveryoneEpoch(next), this.#options)
    this.known = Math.max(this.known, ...(await askAll((calls) => calls.raiseEveryoneEpoch(next))))
    await sleep(this.#options.holdMs, this.#options.timers)
  }

  #at(shard: number): SessionAuthorityCalls {
    return this.#options.authority.getByName(`everyone:${shard}`)
  }
}
