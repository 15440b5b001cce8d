import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../config-source.ts'
import { toSourceError } from './source-error.ts'
import { untilAborted } from './until-aborted.ts'

interface Flight {
  readonly documents: Promise<readonly SourceDocument[]>
  readonly controller: AbortController
  waiting: number
}

/**
 * The same source, whose loads share what is under way: many at once are one request.
 *
 * Each load ends with its own signal; the shared one is ended when nobody waits for it any more. A load that begins after the source told of a
 * change does not join one that began before. Nothing is kept once it has been handed out, and a failure is handed to those who waited for it.
 * Not for several requests of a Worker, of which one cannot wait for another's.
 */
export function coalesceSource(source: ConfigSource): ConfigSource {
  return new CoalescedSource(source)
}

class CoalescedSource implements ConfigSource {
  readonly uri: string
  readonly watch?: (onChange: () => void) => () => void
  readonly #source: ConfigSource
  #flight: Flight | undefined

  constructor(source: ConfigSource) {
    this.#source = source
    this.uri = source.uri
    if (source.watch !== undefined) {
      this.watch = (onChange) =>
        source.watch?.(() => {
          this.#flight = undefined
          onChange()
        }) ?? (() => undefined)
    }
  }

  async load({ signal }: SourceLoadOptions): Promise<readonly SourceDocument[]> {
    if (signal.aborted) throw toSourceError(this.uri, signal.reason, signal)
    const flight = this.#flight ?? this.#begin()
    flight.waiting++
    try {
      return await untilAborted(flight.documents, signal)
    } catch (error) {
      throw toSourceError(this.uri, error, signal)
    } finally {
      flight.waiting--
      if (flight.waiting === 0) this.#abandon(flight, signal)
    }
  }

  #begin(): Flight {
    const controller = new AbortController()
    const documents = this.#source.load({ signal: controller.signal })
    const flight = { documents, controller, waiting: 0 }
    this.#flight = flight
    const end = (): void => {
      if (this.#flight === flight) this.#flight = undefined
    }
    documents.then(end, end)
    return flight
  }

  /** Does nothing to a load that is over. */
  #abandon(flight: Flight, { reason }: AbortSignal): void {
    if (this.#flight === flight) this.#flight = undefined
    flight.controller.abort(reason)
  }
}
