import type {
  AnyProviderEvent,
  EventContext,
  EventHandler,
  Logger,
  ProviderEventEmitter,
} from '@openfeature/server-sdk'

/**
 * The events of a provider. The SDK's own emitter does the same on `node:events`; without it this package loads nothing of the SDK at run time.
 *
 * A handler that throws, or rejects, is logged and stops no other.
 */
export class ProviderEvents implements ProviderEventEmitter<AnyProviderEvent> {
  readonly #handlers = new Map<AnyProviderEvent, readonly EventHandler[]>()
  #logger: Logger | undefined

  emit(type: AnyProviderEvent, details?: EventContext): void {
    for (const handler of this.getHandlers(type)) void this.#run(handler, details)
  }

  addHandler(type: AnyProviderEvent, handler: EventHandler): void {
    this.#handlers.set(type, [...this.getHandlers(type), handler])
  }

  /** Removes it once, where it was added several times. */
  removeHandler(type: AnyProviderEvent, handler: EventHandler): void {
    const handlers = this.getHandlers(type)
    const index = handlers.lastIndexOf(handler)
    if (index >= 0) this.#handlers.set(type, handlers.toSpliced(index, 1))
  }

  removeAllHandlers(type?: AnyProviderEvent): void {
    if (type === undefined) this.#handlers.clear()
    else this.#handlers.delete(type)
  }

  getHandlers(type: AnyProviderEvent): EventHandler[] {
    return [...(this.#handlers.get(type) ?? [])]
  }

  setLogger(logger: Logger): this {
    this.#logger = logger
    return this
  }

  async #run(handler: EventHandler, details: EventContext | undefined): Promise<void> {
    try {
      await handler(details as Parameters<EventHandler>[0])
    } catch (error) {
      this.#logger?.error('Error running event handler:', error)
    }
  }
}
