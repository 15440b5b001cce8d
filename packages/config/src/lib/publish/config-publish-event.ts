/** What an authority could not do, or found. Without bodies. */
export type ConfigPublishEvent =
  | {
      /** KV or the Queue failed. It is tried again. */
      readonly type: 'publish_failed'
      readonly name: string
      readonly version: number
      readonly step: 'body' | 'document' | 'notice'
      readonly error: unknown
    }
  | {
      /** What KV held is no whole document. The next change puts one in its place, with a higher version where one could be read. */
      readonly type: 'corrupt_document'
      readonly name: string
      readonly version: number
    }

export type ConfigPublishReporter = (event: ConfigPublishEvent) => void

/** One JSON line on `console.warn`. Of an error only its message: it may hold anything else. */
function logEvent(event: ConfigPublishEvent): void {
  const { type, ...told } = event
  const error = 'error' in event ? { error: toMessage(event.error) } : {}
  console.warn(JSON.stringify({ event: `config_${type}`, ...told, ...error }))
}

/** Makes a reporter that cannot fail: an observer that throws must not stop what it observes. */
export function createPublishReporter(
  report: ConfigPublishReporter = logEvent,
): ConfigPublishReporter {
  return (event) => {
    try {
      report(event)
    } catch (error) {
      console.error('An observer threw', error)
    }
  }
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
