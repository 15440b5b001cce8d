import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import type { CacheDefinitionOptions, LoadContext } from './definition-options.ts'
import { CacheLoadError } from './load-error.ts'
import { TickBatcher } from './tick-batcher.ts'

const maxLoadBatch = 100

export interface OriginOptions<Id, T> extends Pick<
  CacheDefinitionOptions<Id, T>,
  'load' | 'loadMany'
> {
  readonly name: string
  readonly hardTimeoutMs: number | undefined
  readonly timers: Timers
}

/** Where the values of one definition come from. */
export class Origin<Id, T> {
  readonly #options: OriginOptions<Id, T>
  readonly #batcher: TickBatcher<Id, T | null | undefined> | undefined

  constructor(options: OriginOptions<Id, T>) {
    this.#options = options
    const { loadMany } = options
    if (loadMany === undefined) return
    this.#batcher = new TickBatcher(maxLoadBatch, (ids) =>
      this.#inTime((signal) => loadMany(ids, { signal })),
    )
  }

  /** @returns `undefined` where the loader gave nothing to store. */
  async load(id: Id, context: Omit<LoadContext<T>, 'signal'>): Promise<T | null | undefined> {
    const { load } = this.#options
    if (this.#batcher === undefined) {
      return this.#inTime((signal) => load(id, { ...context, signal }))
    }
    const answers = await this.#batcher.ask(id)
    return answers.has(id) ? answers.get(id) : null
  }

  async #inTime<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { hardTimeoutMs: delayMs, name, timers } = this.#options
    const controller = new AbortController()
    const loading = work(controller.signal)
    if (delayMs === undefined) return loading
    const result = await raceTimer(loading, { delayMs, timers })
    if (result !== timedOut) return result
    const error = new CacheLoadError(
      `Cannot load ${JSON.stringify(name)}: it took longer than ${delayMs} ms`,
      'load_timeout',
    )
    controller.abort(error)
    throw error
  }
}
