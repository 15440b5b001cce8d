import { AsyncLocalStorage } from 'node:async_hooks'
import { describeError, log } from './log.ts'

/**
 * Hands background work of clients that are built once to the request that started it, so that the runtime keeps
 * that request alive until the work is done.
 */
export class BackgroundWork {
  readonly #current = new AsyncLocalStorage<ExecutionContext>()

  run<Result>(context: ExecutionContext, work: () => Result): Result {
    return this.#current.run(context, work)
  }

  readonly waitUntil = (promise: Promise<unknown>): void => {
    const settled = promise.catch((error: unknown) => {
      log('error', 'background_work_failed', { error: describeError(error) })
    })
    this.#current.getStore()?.waitUntil(settled)
  }
}
