import { decodeText } from '../kv/binding-text.ts'
import { ApiFaultSignal, toKVHttpError, toLostFault } from './api-fault.ts'
import type { ApiSettings } from './cloudflare-api.ts'
import type { KVHttpRequestInit } from './default-fetch.ts'

/** One try of a request: what ends it is its answer, its timer or the caller's signal, whichever comes first. */
export class Attempt {
  readonly #settings: ApiSettings
  readonly #controller = new AbortController()
  readonly #interrupted: Promise<never>
  #interrupt: (error: unknown) => void = () => undefined
  #timer: unknown
  #response: Response | undefined
  #isHandedOver = false

  constructor({ settings, limitMs }: { settings: ApiSettings; limitMs: number }) {
    this.#settings = settings
    this.#interrupted = new Promise((_resolve, reject) => {
      this.#interrupt = reject
    })
    // Nobody may be waiting when it happens.
    this.#interrupted.catch(() => undefined)
    settings.signal?.addEventListener('abort', this.#onAbort)
    this.#startTimer(limitMs)
  }

  /** @throws What `fetch` throws, or that there was no answer in time. */
  async send(url: string, init: Omit<KVHttpRequestInit, 'signal' | 'redirect'>): Promise<Response> {
    const { signal } = this.#controller
    // A redirect would carry the key to somewhere else.
    const sent = this.#settings.fetch(url, { ...init, redirect: 'manual', signal })
    this.#response = await this.#orInterrupted(sent)
    return this.#response
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const body = this.#response?.arrayBuffer() ?? new ArrayBuffer()
    return new Uint8Array(await this.#orInterrupted(Promise.resolve(body)))
  }

  async text(): Promise<string> {
    return decodeText(await this.bytes())
  }

  /** @throws {ApiFaultSignal} When it is not what the API answers, such as a page of somebody between. */
  async result(): Promise<{
    readonly result: unknown
    readonly resultInfo: Record<string, unknown>
  }> {
    const text = await this.text()
    try {
      const { success, result, result_info } = JSON.parse(text) as Record<string, unknown>
      if (success === true) {
        return { result, resultInfo: Object(result_info) as Record<string, unknown> }
      }
    } catch {
      // Told below.
    }
    throw this.#foreign()
  }

  /** @throws {ApiFaultSignal} When a value is a page, which is somebody between: the API gives values as bytes. */
  assertValue(): void {
    const type = this.#response?.headers.get('content-type') ?? ''
    if (type.startsWith('text/html')) throw this.#foreign()
  }

  #foreign(): ApiFaultSignal {
    return new ApiFaultSignal({
      code: 'unavailable',
      isTransient: true,
      text: 'an answer that is not of the API',
      ...(this.#response !== undefined && { status: this.#response.status }),
    })
  }

  /**
   * The body as it comes. From here on the timer is that of each chunk, and what breaks is an error of the stream,
   * because what was read of it cannot be taken back.
   */
  stream(request: string): ReadableStream<Uint8Array> {
    this.#isHandedOver = true
    const reader = this.#response?.body?.getReader()
    const toError = (error: unknown): unknown => {
      const { signal, credentials } = this.#settings
      if (signal?.aborted === true) return signal.reason
      const fault = error instanceof ApiFaultSignal ? error.fault : toLostFault(error, credentials)
      return toKVHttpError({ request, operation: 'read' }, fault, { attempts: 1 })
    }
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            this.#startTimer(this.#settings.timeoutMs)
            const chunk = await this.#orInterrupted(
              reader?.read() ?? Promise.resolve({ done: true as const, value: undefined }),
            )
            this.#stopTimer()
            if (chunk.done) {
              this.#isHandedOver = false
              this.end()
              controller.close()
            } else controller.enqueue(chunk.value as Uint8Array)
          } catch (error) {
            this.#isHandedOver = false
            this.end()
            controller.error(toError(error))
          }
        },
        cancel: () => {
          this.discard()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Nobody wants the rest. */
  discard(): void {
    this.#isHandedOver = false
    this.#controller.abort()
    this.end()
  }

  /** Does nothing while a stream is being read. */
  end(): void {
    if (this.#isHandedOver) this.#stopTimer()
    else {
      this.#stopTimer()
      this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    }
  }

  readonly #onAbort = (): void => {
    this.#cancel(this.#settings.signal?.reason)
  }

  #startTimer(delayMs: number): void {
    this.#stopTimer()
    this.#timer = this.#settings.timers.setTimeout(() => {
      const text = `timed out after ${Math.round(delayMs)} ms`
      this.#cancel(new ApiFaultSignal({ code: 'timed_out', isTransient: true, text }))
    }, delayMs)
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#settings.timers.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #cancel(error: unknown): void {
    // Before the signal, which makes `fetch` fail with an error of its own.
    this.#interrupt(error)
    this.#controller.abort()
  }

  #orInterrupted<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined)
    return Promise.race([work, this.#interrupted])
  }
}
