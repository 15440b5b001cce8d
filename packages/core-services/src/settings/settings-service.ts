import { keys, type CacheClient } from '@codex/cloudflare-clients'
import { platformSettings, users, type Database } from '@codex/database'
import { eq, inArray, sql } from 'drizzle-orm'
import { invalidate } from '../cache/invalidate.ts'
import { readThrough } from '../cache/read-through.ts'
import { logServiceEvent, type ServiceEventReporter } from '../cache/service-event.ts'
import {
  notFound,
  parseInput,
  type InvalidInput,
  type NotFound,
} from '../validation/parse-input.ts'
import {
  defaultPlatformSettings,
  mergeSettings,
  platformSettingsPatchSchema,
  platformSettingsSchema,
  type PlatformSettings,
  type PlatformSettingsPatch,
} from './platform-settings.ts'

const settingsTtlSeconds = 86_400
const settingsKey = keys.cache('settings', 'platform')

export interface SettingsServiceOptions {
  readonly database: Database
  readonly cache: CacheClient
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** Hears of a cache entry that could not be deleted. Default: one line on the console. */
  readonly onEvent?: ServiceEventReporter
}

export interface SettingsChange {
  readonly ok: true
  readonly settings: PlatformSettings
  /** `false`: the change stands, but it may not be seen until the cached entry's TTL (24 h) ends. Save again. */
  readonly cacheInvalidated: boolean
}

/**
 * The platform's settings, over typed defaults.
 *
 * Cached for 24 h; a change deletes the entry, and other locations see it after KV's 60 s or more. A setting whose
 * stored value is damaged has its default.
 */
export interface SettingsService {
  get(): Promise<PlatformSettings>
  /** Whether `updatedBy` may change settings is the caller's to check. `not_found` when there is no such user. */
  update(
    patch: PlatformSettingsPatch,
    updatedBy: string,
  ): Promise<SettingsChange | InvalidInput | NotFound>
}

export function createSettingsService({
  database,
  cache,
  now = Date.now,
  onEvent = logServiceEvent,
}: SettingsServiceOptions): SettingsService {
  const load = async (): Promise<PlatformSettings> => {
    // As raw text, because one row that is not JSON would make drizzle's own parsing fail for all of them.
    const rows = await database
      .select({
        key: platformSettings.key,
        json: sql<string | null>`${platformSettings.value}`.as('json'),
      })
      .from(platformSettings)
      .where(inArray(platformSettings.key, Object.keys(defaultPlatformSettings)))
    return mergeSettings(Object.fromEntries(rows.map((row) => [row.key, parseJson(row.json)])))
  }

  return {
    async get() {
      const options = { key: settingsKey, ttlSeconds: settingsTtlSeconds, load }
      const settings = await readThrough(cache, { ...options, schema: platformSettingsSchema })
      return settings ?? defaultPlatformSettings
    },

    async update(patch, updatedBy) {
      const parsed = parseInput(platformSettingsPatchSchema, patch)
      if (!parsed.ok) return parsed
      const [user] = await database
        .select({ id: users.id })
        .from(users)
        .where(eq(users.id, updatedBy))
      if (user === undefined) return notFound

      const updatedAt = new Date(now())
      const rows = Object.entries(parsed.value)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => ({ key, value, updatedBy, updatedAt }))
      if (rows.length > 0) {
        // One statement, so that a patch is applied whole or not at all.
        await database
          .insert(platformSettings)
          .values(rows)
          .onConflictDoUpdate({
            target: platformSettings.key,
            set: {
              value: sql`excluded.value`,
              updatedBy: sql`excluded.updated_by`,
              updatedAt: sql`excluded.updated_at`,
            },
          })
      }
      const settings = await load()
      const cacheInvalidated = await invalidate(cache, [settingsKey], { onEvent })
      return { ok: true, settings, cacheInvalidated }
    },
  }
}

function parseJson(text: string | null): unknown {
  if (text === null) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
