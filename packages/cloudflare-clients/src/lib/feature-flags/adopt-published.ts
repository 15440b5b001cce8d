import { kvCall } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import type { EventReporter } from '../shared/client-event.ts'
import { isRecord } from './definition-checks.ts'
import type { FlagAuthority } from './flag-authority.ts'
import type { FlagTarget } from './flag-authority-calls.ts'
import type { FlagPublisher } from './flag-publisher.ts'
import type { StoredFlag } from './flag-ruleset.ts'
import type { FlagRow } from './flag-storage.ts'

export interface AdoptPublishedOptions {
  readonly kv: KVNamespace
  readonly environment: string
  readonly authority: Pick<FlagAuthority, 'version' | 'adopt'>
  readonly publisher: Pick<FlagPublisher, 'noteAdopted'>
  readonly report: EventReporter
}

/**
 * Takes what was written to KV before there was an authority, so that its first change neither loses those flags nor has a version that
 * readers refuse as older. An authority that has made a change knows better, and reads nothing.
 *
 * @throws {KVError} When KV cannot say what it has. Nothing may be changed then.
 */
export async function adoptPublished({
  kv,
  environment,
  authority,
  publisher,
  report,
}: AdoptPublishedOptions): Promise<void> {
  if (authority.version > 0) return
  const key = keys.flags(environment)
  const text = await kvCall('read', () => kv.get(key))
  if (text === null) return
  const ruleset = parseRuleset(text)
  if (ruleset === undefined) {
    report({ type: 'corrupt_value', client: 'feature-flags', key, reason: 'It is no ruleset' })
    return
  }
  const { version, changedAtMs, flags, segments } = ruleset
  authority.adopt({ version: Number(version), changedAtMs: Number(changedAtMs) || 0 }, [
    ...toRows('flag', flags, Number(version)),
    ...toRows('segment', segments, Number(version)),
  ])
  publisher.noteAdopted()
}

function parseRuleset(text: string): Readonly<Record<string, unknown>> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value) || value.format !== 1 || !isRecord(value.flags)) return undefined
  return Number.isSafeInteger(value.version) && Number(value.version) >= 0 ? value : undefined
}

/** Definitions are taken as they are: what readers make of a faulty one, they go on to make of it. */
function toRows(kind: FlagTarget['kind'], stored: unknown, version: number): FlagRow[] {
  if (!isRecord(stored)) return []
  return Object.entries(stored).flatMap(([name, value]) => {
    if (!isRecord(value)) return []
    const { version: changedIn, ...definition } = value as unknown as StoredFlag
    // A version of its own above that of the ruleset would be one that it gets again.
    const own = Number.isSafeInteger(changedIn) ? Math.min(changedIn, version) : version
    return [{ kind, name, version: own, definition }]
  })
}
