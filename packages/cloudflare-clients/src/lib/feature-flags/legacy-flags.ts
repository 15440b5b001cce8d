import { assertKV } from '../kv/assert-kv.ts'
import { iterateKeys } from '../kv/key-listing.ts'
import type { KVEntry } from '../kv/kv-entry.ts'
import { maxBulkReadKeys } from '../kv/kv-limits.ts'
import { readBulk } from '../kv/read-bulk.ts'
import type { FlagFault } from './flag-authority-calls.ts'
import type { FlagDefinition } from './flag-definition.ts'
import { validateFlag } from './validate-flag.ts'

export interface LegacyFlagOptions {
  /** What the keys start with; the rest is the flag's name. Default `flag:`. */
  readonly prefix?: string
  /** Fields that are left behind, such as `createdAt`. Default: none, and each field that is not known is a fault. */
  readonly ignore?: readonly string[]
  /** Epoch ms, for entries that expire. Default `Date.now`. */
  readonly now?: () => number
}

export interface LegacyFlagFault extends FlagFault {
  readonly flag: string
}

export interface LegacyFlags {
  /** For `importFlags`. */
  readonly flags: Readonly<Record<string, FlagDefinition>>
  /** Why the flags that are not among them were left out. */
  readonly faults: readonly LegacyFlagFault[]
}

type Fields = Readonly<Record<string, unknown>>
type Report = (path: string, reason: string) => void

/** The names that a field goes by in older code. */
const aliases: Readonly<Record<string, keyof FlagDefinition>> = {
  enabled: 'enabled',
  percentage: 'percentage',
  rolloutPercentage: 'percentage',
  rollout: 'percentage',
  allowList: 'allow',
  allowlist: 'allow',
  allowedUsers: 'allow',
  userIds: 'allow',
  users: 'allow',
  blockList: 'block',
  blocklist: 'block',
  blockedUsers: 'block',
  startTime: 'startsAt',
  startDate: 'startsAt',
  startsAt: 'startsAt',
  endTime: 'endsAt',
  endDate: 'endsAt',
  endsAt: 'endsAt',
  description: 'description',
  metadata: 'metadata',
}

/**
 * Reads flags that older code wrote as one key for each, so that `importFlags` can take them over. It writes nothing.
 *
 * A value is `true`, `false`, or a JSON object of `enabled` and, each optional or `null`: `percentage` (or `rolloutPercentage`, `rollout`), `allowList`
 * (`allowlist`, `allowedUsers`, `userIds`, `users`), `blockList` (`blocklist`, `blockedUsers`), `startTime` (`startDate`, `startsAt`) and `endTime`
 * (`endDate`, `endsAt`) as ISO 8601, taken for UTC where it says nothing else, or epoch ms, `description`, `metadata`, and the flag's `name`.
 *
 * Users stay where they were with code that hashes `userId:flag` with SHA-256 and compares the first 32 bits modulo 100 with the percentage. Without
 * a percentage an enabled flag is on for everybody.
 *
 * A flag with anything that is not understood is left out and told of in `faults`: nothing is dropped silently.
 *
 * @returns Also flags that disable themselves by their times. Costs a list for each 1,000 keys and a read for each key, two where its name is a number.
 * @throws {TypeError} When `kv` is no namespace.
 * @throws {KVError} When KV fails.
 *
 * @example
 * ```ts
 * import { FeatureFlags, readLegacyFlags } from '@codex/cloudflare-clients/feature-flags'
 *
 * const featureFlags = new FeatureFlags(env.FLAGS_KV, { authority: env.FLAGS })
 *
 * const { flags, faults } = await readLegacyFlags(env.FLAGS_KV)
 * if (faults.length === 0) await featureFlags.importFlags(flags, { author: 'migration' })
 * ```
 */
export async function readLegacyFlags(
  kv: KVNamespace,
  { prefix = 'flag:', ignore = [], now = Date.now }: LegacyFlagOptions = {},
): Promise<LegacyFlags> {
  assertKV('read legacy flags', kv)
  const flags: [string, FlagDefinition][] = []
  const faults: LegacyFlagFault[] = []
  const readPage = async (keys: readonly string[]): Promise<void> => {
    const entries = await readBulk(kv, keys, { now })
    for (const [i, key] of keys.entries()) {
      const flag = key.slice(prefix.length)
      const read = readLegacyFlag(flag, entries[i] ?? null, new Set(ignore))
      if (Array.isArray(read)) faults.push(...read.map((fault) => ({ flag, ...fault })))
      else if (read !== null) flags.push([flag, read])
    }
  }
  let page: string[] = []
  for await (const { name } of iterateKeys(kv, prefix)) {
    page.push(name)
    if (page.length < maxBulkReadKeys) continue
    await readPage(page)
    page = []
  }
  if (page.length > 0) await readPage(page)
  // By `fromEntries`, which makes an own property also of `__proto__`.
  return { flags: Object.fromEntries(flags), faults }
}

/** @returns `null`: it is gone meanwhile. */
function readLegacyFlag(
  flag: string,
  entry: KVEntry | null,
  ignored: ReadonlySet<string>,
): FlagDefinition | FlagFault[] | null {
  if (entry === null) return null
  const faults: FlagFault[] = []
  const report: Report = (path, reason) => {
    faults.push({ path, reason })
  }
  const value = parse(entry.text)
  const fields = typeof value === 'boolean' ? { enabled: value } : value
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return [{ path: '', reason: 'must be true, false or a JSON object' }]
  }
  const definition = toDefinition(flag, fields as Fields, ignored, report)
  faults.push(...(faults.length > 0 ? [] : validateFlag(flag, definition)))
  return faults.length > 0 ? faults : definition
}

function toDefinition(
  flag: string,
  fields: Fields,
  ignored: ReadonlySet<string>,
  report: Report,
): FlagDefinition {
  const known: Partial<Record<keyof FlagDefinition, unknown>> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (ignored.has(name) || value === null || (name === 'name' && value === flag)) continue
    const field = Object.hasOwn(aliases, name) ? aliases[name] : undefined
    if (field === undefined) report(name, 'is not known')
    else if (field in known) report(name, `is there twice, by another name of ${field}`)
    else known[field] = toValue(field, name, value, report)
  }
  const bucketing = { algorithm: 'sha256', version: 1, salt: flag }
  // What is in it is checked next.
  return { ...known, bucketing } as unknown as FlagDefinition
}

function toValue(
  field: keyof FlagDefinition,
  name: string,
  value: unknown,
  report: Report,
): unknown {
  // `n % 100 < 12.5` held for what is below 13.
  if (field === 'percentage' && typeof value === 'number') return Math.ceil(value)
  if (field !== 'startsAt' && field !== 'endsAt') return value
  const atMs = typeof value === 'string' ? toEpochMs(value) : Number(value)
  const date = new Date(atMs)
  if (!Number.isNaN(date.getTime())) return date.toISOString()
  report(name, 'must be ISO 8601 or epoch ms')
  return undefined
}

/** Workers run in UTC, so that is what a time without an offset meant there. */
function toEpochMs(text: string): number {
  const isLocal = /^\d{4}-\d\d-\d\dT[\d:.]+$/.test(text)
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(isLocal ? `${text}Z` : text) : NaN
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
