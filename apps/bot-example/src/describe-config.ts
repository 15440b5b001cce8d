import type { ConfigError, ConfigEvent, ConfigStatus } from '@codex/config'
import type { Log } from './json-log.ts'

/** What `/readiness` tells of the configuration: enough to see which one is in use and whether a newer one was refused. */
export function describeConfig({
  loadedAtMs,
  checkedAtMs,
  versions,
  isStale,
  error,
}: ConfigStatus): Readonly<Record<string, unknown>> {
  return {
    loadedAt: toIso(loadedAtMs),
    checkedAt: toIso(checkedAtMs),
    versions,
    isStale,
    // Where and not what: the words are for the log.
    ...(error && { refused: { code: error.code, paths: error.faults.map(({ path }) => path) } }),
  }
}

export function logConfigEvent(event: ConfigEvent, log: Log): void {
  switch (event.type) {
    case 'loaded':
      log('info', 'config_loaded', { versions: event.versions })
      return
    case 'changed':
      log('info', 'config_changed', { versions: event.versions, differences: event.differences })
      return
    case 'refresh_failed':
    case 'outdated':
      log('warn', `config_${event.type}`, toFields(event.error))
      return
    case 'watch_failed':
    case 'listener_failed':
    case 'notice_dropped':
      log('warn', `config_${event.type}`)
  }
}

function toFields({ code, message, faults }: ConfigError): Readonly<Record<string, unknown>> {
  return { code, message, faults }
}

function toIso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
