import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import type { CacheDefinitionOptions, LoadContext } from './definition-options.ts'
import { CacheLoadError } from './load-error.ts'
import { TickBatcher } from './tick-batcher.ts'

const maxLoadBatch = 100

type Loaders<Id, T> = Pick<CacheDefinitionOptions<Id, T>, 'load' | 'loadMany'>

interface Limits {
  readonly hardTimeoutMs: number
  readonly timers: Timers
}

/** Where the values of one definition come from. */
export class Origin<Id, T> {
  readonly #name: string
  readonly #loaders: Loaders<Id, T>
  readonly #limits: Limits
  readonly #batcher: TickBatcher<Id, T | null | undefined>

  constructor(name: string, loaders: Loaders<Id, T>, limits: Limits) {
    this.#name = name
    this.#loaders = loaders
    this.#limits = limits
    this.#batcher = new TickBatcher(maxLoadBatch, (ids) =>
      this.#inTime((signal) => loaders.loadMany?.(ids, { signal }) ?? Promise.resolve(new Map())),
    )
  }

  /** @returns `undefined` where the loader gave nothing to store. */
  async load(id: Id, context: Omit<LoadContext<T>, 'signal'>): Promise<T | null | undefined> {
    const { load, loadMany } = this.#loaders
    if (loadMany === undefined) {
      return this.#inTime((signal) => load(id, { ...context, signal }))
    }
    const answers = await this.#batcher.ask(id)
    return answers.has(id) ? answers.get(id) : null
  }

  async #inTime<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { hardTimeoutMs: delayMs, timers } = this.#limits
    const controller = new AbortController()
    const result = await raceTimer(work(controller.signal), { delayMs, timers })
    if (result !== timedOut) return result
    const error = new CacheLoadError(
      `Cannot load ${JSON.stringify(this.#name)}: it took longer than ${delayMs} ms`,
      'load_timeout',
    )
    controller.abort(error)
    throw error
  }
}
