import { CloudflareClientError } from '../shared/client-error.ts'
import { raceTimer, sleep, timedOut, type Timers } from '../shared/timers.ts'
import { toMs } from './duration.ts'
import type {
  WriteBehind,
  WriteBehindEntry,
  WriteBehindEvent,
  WriteBehindOptions,
  WriteBehindTarget,
} from './write-behind.ts'

interface Item<Id, T> extends WriteBehindEntry<Id, T> {
  readonly key: string
  readonly order: number
  /** The order of the first value that is not saved: what waits for that one waits for this one in its place. */
  since: number
}

interface Slot<Id, T> {
  /** Calls of `put` for which the cache has not answered yet. */
  open: number
  /** The order of the newest value that the cache took. */
  accepted: number
  item: Item<Id, T> | undefined
}

/** A call of `save` under way, of whichever request. */
interface Attempt<Id, T> {
  readonly items: readonly Item<Id, T>[]
  readonly deadlineMs: number
  readonly controller: AbortController
  /** Settles with the save; never when the request that runs it has died. */
  done: Promise<void>
}

const maxRetryDelayMs = 30_000

function logEvent(event: WriteBehindEvent<unknown, unknown>): void {
  if (event.type === 'saved') return
  const message = event.error instanceof Error ? event.error.message : String(event.error)
  const entries = event.type === 'lost' ? 1 : event.entries
  console.warn(JSON.stringify({ event: event.type, client: 'write-behind', entries, message }))
}

function assertWhole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new RangeError(
    `Cannot create write-behind: ${name} must be a whole number from ${least}, received ${value}`,
  )
}

function keyOf(id: unknown): string {
  if (typeof id === 'string' || typeof id === 'number') return String(id)
  throw new TypeError(
    `Cannot put behind: the key option must be given for ids that are not text or numbers, received ${typeof id}`,
  )
}

/** The values of a write-behind that wait, and the one save that may be under way. */
export class WriteBehindQueue<Id, T> implements WriteBehind<Id, T> {
  readonly #target: WriteBehindTarget<Id, T>
  readonly #options: WriteBehindOptions<Id, T>
  readonly #delayMs: number
  readonly #retryDelayMs: number
  readonly #timeoutMs: number
  readonly #retries: number
  readonly #maxPending: number
  readonly #maxBatch: number
  readonly #now: () => number
  readonly #timers: Timers
  /** In the order in which their ids were first put. */
  readonly #slots = new Map<string, Slot<Id, T>>()
  #order = 0
  #attempt: Attempt<Id, T> | undefined
  /** Smaller after a failure, so that one bad entry is found and does not hold up the others. */
  #batchLimit: number
  #failures = 0
  #failuresInARow = 0
  #losses = 0
  #retryAtMs = 0
  #lastError: unknown

  constructor(target: WriteBehindTarget<Id, T>, options: WriteBehindOptions<Id, T>) {
    const what = 'create write-behind:'
    this.#target = target
    this.#options = options
    this.#delayMs = toMs(`${what} delay`, options.delay ?? 1)
    this.#retryDelayMs = toMs(`${what} retryDelay`, options.retryDelay ?? 1)
    this.#timeoutMs = toMs(`${what} timeout`, options.timeout ?? 10, 1)
    this.#retries = assertWhole('retries', options.retries ?? 4, 0)
    this.#maxPending = assertWhole('maxPending', options.maxPending ?? 1000, 1)
    this.#maxBatch = assertWhole('maxBatch', options.maxBatch ?? 100, 1)
    this.#batchLimit = this.#maxBatch
    this.#now = options.now ?? Date.now
    this.#timers = options.timers ?? globalThis
  }

  get pending(): number {
    return this.#slots.size
  }

  put(id: Id, value: T): Promise<void> {
    const accepting = this.#accept(id, value)
    const upTo = this.#order
    // Every request waits for its own: the timers of another may die with it. Failures are reported where they happen.
    const saving = accepting
      .then(() => sleep(this.#delayMs, this.#timers))
      .then(() => this.#drain(upTo))
      .catch(() => undefined)
    this.#options.waitUntil?.(saving)
    return accepting
  }

  async flush(): Promise<void> {
    const lossesBefore = this.#losses
    this.#retryAtMs = 0
    await this.#drain(this.#order)
    if (this.#losses > lossesBefore) throw this.#lastError
  }

  async #accept(id: Id, value: T): Promise<void> {
    const key = (this.#options.key ?? keyOf)(id)
    const order = ++this.#order
    // A copy: what is saved is what the cache got, whatever the caller does with the value afterwards.
    const item = { key, id, value: structuredClone(value), order, since: order }
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      if (this.#slots.size >= this.#maxPending) throw this.#full()
      slot = { open: 0, accepted: 0, item: undefined }
      this.#slots.set(key, slot)
    }
    slot.open++
    try {
      await this.#target.put(id, value)
      if (order > slot.accepted) {
        slot.accepted = order
        item.since = slot.item?.since ?? order
        slot.item = item
      }
    } finally {
      slot.open--
      this.#forget(key, slot)
    }
  }

  #full(): CloudflareClientError {
    const saving = this.#drain(this.#order).catch(() => undefined)
    this.#options.waitUntil?.(saving)
    return new CloudflareClientError(
      `Cannot put behind: at most ${this.#maxPending} ids may wait to be saved`,
      { code: 'write_behind_full', operation: 'write', retryable: true },
    )
  }

  #forget(key: string, slot: Slot<Id, T>): void {
    if (slot.open === 0 && slot.item === undefined) this.#slots.delete(key)
  }

  #hasUnsaved(upTo: number): boolean {
    return this.#items().some(({ since }) => since <= upTo)
  }

  #items(): Item<Id, T>[] {
    return [...this.#slots.values()].flatMap(({ item }) => item ?? [])
  }

  /** Saves, or waits for who is saving, until everything up to an order is saved. */
  async #drain(upTo: number): Promise<void> {
    const failuresBefore = this.#failures
    while (this.#hasUnsaved(upTo)) {
      const waitMs = this.#retryAtMs - this.#now()
      if (this.#attempt !== undefined) await this.#waitFor(this.#attempt)
      else if (this.#failures - failuresBefore > this.#retries) throw this.#lastError
      else if (waitMs > 0) await sleep(waitMs, this.#timers)
      else await this.#waitFor(this.#startAttempt())
    }
  }

  #startAttempt(): Attempt<Id, T> {
    const items = this.#items().slice(0, this.#batchLimit)
    const controller = new AbortController()
    const attempt: Attempt<Id, T> = {
      items,
      controller,
      deadlineMs: this.#now() + this.#timeoutMs,
      done: Promise.resolve(),
    }
    this.#attempt = attempt
    const entries = items.map(({ id, value }) => ({ id, value }))
    const save = async (): Promise<unknown> => {
      return this.#options.save(entries, { signal: controller.signal })
    }
    attempt.done = save().then(
      () => {
        this.#succeed(attempt)
      },
      (error: unknown) => {
        this.#fail(attempt, error)
      },
    )
    return attempt
  }

  /** Whoever waits may find that the time is up, because the request that saves may have died. */
  async #waitFor(attempt: Attempt<Id, T>): Promise<void> {
    const delayMs = Math.max(0, attempt.deadlineMs - this.#now())
    const result = await raceTimer(attempt.done, { delayMs, timers: this.#timers })
    if (result !== timedOut) return
    const error = new Error(`The save took more than ${this.#timeoutMs} ms`)
    this.#fail(attempt, error)
    attempt.controller.abort(error)
  }

  #succeed(attempt: Attempt<Id, T>): void {
    if (this.#attempt !== attempt) return
    this.#attempt = undefined
    this.#batchLimit = this.#maxBatch
    this.#failuresInARow = 0
    this.#retryAtMs = 0
    this.#settle(attempt.items)
    this.#report({ type: 'saved', entries: attempt.items.length })
  }

  #fail(attempt: Attempt<Id, T>, error: unknown): void {
    if (this.#attempt !== attempt) return
    this.#attempt = undefined
    const { items } = attempt
    this.#lastError = error
    this.#batchLimit = Math.max(1, items.length >> 1)
    const [item] = items
    if ((error as { retryable?: unknown } | null)?.retryable !== false) {
      this.#failures++
      const delayMs = Math.min(this.#retryDelayMs * 2 ** this.#failuresInARow++, maxRetryDelayMs)
      const share = 0.5 + (this.#options.random ?? Math.random)() / 2
      this.#retryAtMs = this.#now() + delayMs * share
      this.#report({ type: 'save_failed', entries: items.length, error })
    } else if (items.length === 1 && item) {
      this.#losses++
      this.#settle(items)
      this.#report({ type: 'lost', entry: { id: item.id, value: item.value }, error })
    }
  }

  /** Takes items out, or lets the newer ones that came meanwhile take their place. */
  #settle(items: readonly Item<Id, T>[]): void {
    for (const item of items) {
      const slot = this.#slots.get(item.key)
      if (slot?.item === undefined) continue
      if (slot.item === item) slot.item = undefined
      else slot.item.since = item.order + 1
      this.#forget(item.key, slot)
    }
  }

  #report(event: WriteBehindEvent<Id, T>): void {
    try {
      const report = this.#options.onEvent ?? logEvent
      report(event)
    } catch (error) {
      console.error('The onEvent option threw', error)
    }
  }
}
