import { checkNumber } from '../shared/check-number.ts'
import { raceTimer, sleep, type Timers } from '../shared/timers.ts'
import { callObject } from './call-object.ts'
import type { CoordinationCalls, CoordinationNamespace } from './coordination-calls.ts'
import {
  assertName,
  assertNamespace,
  checkWhole,
  type CoordinationOptions,
} from './coordination-options.ts'

export interface CounterOptions extends Pick<
  CoordinationOptions,
  'timers' | 'waitUntil' | 'timeoutMs'
> {
  /**
   * Over how many objects each counter is spread, from 1 to 100. Each takes some hundred reports a second, and `getCount` asks all
   * of them. Raise it at any time; counts in shards that are left out are not seen. Default 4.
   */
  readonly shards?: number
  /** How long a report waits for more to go with it, in ms from 0 to 60,000. Default 0. */
  readonly batchMs?: number
  /** 0 inclusive to 1 exclusive. Chooses the shard. Default `Math.random`. */
  readonly random?: () => number
}

/** What this isolate has counted of one name. */
interface Tally {
  readonly holder: string
  readonly shard: number
  seq: number
  total: number
  /** Of what was answered for. */
  confirmedSeq: number
  confirmed: number
  flight: Promise<void> | undefined
}

/** Names that an isolate has tallies of. Beyond that, one starts anew: the oldest that is confirmed, if any is. */
const maxTallies = 1000

/**
 * Counters that many isolates add to, each spread over several Durable Objects.
 *
 * **Exactness**: each increment counts exactly once, whatever is lost or repeated on its way. One whose call failed is part of this
 * isolate's next report under that name, and lost only if there is none. (Where a lost answer is followed by a day of silence, it
 * may count twice.) **Staleness**: `getCount` has every increment whose promise has resolved; of shards that are asked at
 * the same time, one may have what came later. **Cost**: one request and one written row for each report; increments of an isolate
 * that come while a report is under way share the next, so `batchMs` is what bounds the cost. `getCount` is `shards` requests and no row.
 */
export class CounterClient {
  readonly #namespace: CoordinationNamespace
  readonly #timers: Timers
  readonly #timeoutMs: number
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #shards: number
  readonly #batchMs: number
  readonly #random: () => number
  readonly #tallies = new Map<string, Tally>()

  /**
   * @param namespace The binding of `CoordinationObject`.
   * @throws {TypeError} When the binding is missing.
   */
  constructor(namespace: CoordinationNamespace, options: CounterOptions = {}) {
    const action = 'create CounterClient'
    assertNamespace(action, namespace)
    const { timers = globalThis, timeoutMs = 5000, shards = 4, batchMs = 0 } = options
    this.#namespace = namespace
    this.#timers = timers
    this.#timeoutMs = checkNumber(`${action}: timeoutMs`, timeoutMs, { min: 1 })
    this.#shards = checkWhole(`${action}: shards`, shards, { min: 1, max: 100 })
    this.#batchMs = checkNumber(`${action}: batchMs`, batchMs, { min: 0, max: 60_000 })
    this.#waitUntil = options.waitUntil
    this.#random = options.random ?? Math.random
  }

  /**
   * Adds to a counter. Await it to know that it is counted, or hand it to `waitUntil` where nobody should wait.
   *
   * @param by A whole number, negative to take away. Default 1.
   * @throws {CoordinationError} When the object cannot be asked. It is counted with the next increment that arrives: do not
   *   repeat it.
   */
  async increment(name: string, by = 1): Promise<void> {
    assertName('increment', name)
    checkWhole('increment: by', by, {
      min: -Number.MAX_SAFE_INTEGER,
      max: Number.MAX_SAFE_INTEGER,
    })
    const tally = this.#tallyOf(name)
    tally.total += by
    tally.seq++
    await this.#confirm(name, tally, tally.seq)
  }

  /** The sum over all shards. */
  async getCount(name: string): Promise<number> {
    assertName('get count', name)
    const totals = await Promise.all(
      this.#objectsOf(name).map((object) => this.#call('get count', () => object.getTotal())),
    )
    return totals.reduce((sum, total) => sum + total, 0)
  }

  /** Begins at 0 again, one shard after the other: what is counted meanwhile may go either way. */
  async reset(name: string): Promise<void> {
    assertName('reset count', name)
    await Promise.all(
      this.#objectsOf(name).map((object) => this.#call('reset count', () => object.resetTotal())),
    )
  }

  /**
   * Waits until a report with this seq in it is answered. Of all increments of the isolate one makes the report; the others wait for it
   * with a timer of their own and then make their own, since a report may have died with its request.
   */
  async #confirm(name: string, tally: Tally, seq: number): Promise<void> {
    while (tally.confirmedSeq < seq) {
      if (tally.flight === undefined) {
        await this.#lead(name, tally)
        continue
      }
      const { flight } = tally
      // Why it failed is its own caller's to know.
      const settled = flight.catch(() => undefined)
      await raceTimer(settled, { delayMs: this.#batchMs + this.#timeoutMs, timers: this.#timers })
      if (tally.flight === flight) tally.flight = undefined
    }
  }

  #lead(name: string, tally: Tally): Promise<void> {
    const flight = this.#report(name, tally)
    tally.flight = flight
    const clear = (): void => {
      if (tally.flight === flight) tally.flight = undefined
    }
    const settled = flight.then(clear, clear)
    this.#waitUntil?.(settled)
    return flight
  }

  async #report(name: string, tally: Tally): Promise<void> {
    if (this.#batchMs > 0) await sleep(this.#batchMs, this.#timers)
    const { holder, shard, seq, total, confirmed } = tally
    const object = this.#objectOf(name, shard)
    await this.#call('increment', () => object.count({ holder, seq, total, confirmed }))
    if (seq <= tally.confirmedSeq) return
    tally.confirmedSeq = seq
    tally.confirmed = total
  }

  #tallyOf(name: string): Tally {
    const known = this.#tallies.get(name)
    if (known !== undefined) return known
    if (this.#tallies.size >= maxTallies) this.#forgetOldest()
    const tally = {
      holder: crypto.randomUUID(),
      shard: Math.floor(this.#random() * this.#shards),
      seq: 0,
      total: 0,
      confirmedSeq: 0,
      confirmed: 0,
      flight: undefined,
    }
    this.#tallies.set(name, tally)
    return tally
  }

  #forgetOldest(): void {
    const [oldest = ''] = this.#tallies.keys()
    const confirmed = [...this.#tallies].find(([, { seq, confirmedSeq }]) => seq === confirmedSeq)
    this.#tallies.delete(confirmed?.[0] ?? oldest)
  }

  #objectsOf(name: string): readonly CoordinationCalls[] {
    return Array.from({ length: this.#shards }, (_, shard) => this.#objectOf(name, shard))
  }

  #objectOf(name: string, shard: number): CoordinationCalls {
    return this.#namespace.getByName(`counter:${shard}:${name}`)
  }

  #call<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return callObject(operation, call, { timeoutMs: this.#timeoutMs, timers: this.#timers })
  }
}
