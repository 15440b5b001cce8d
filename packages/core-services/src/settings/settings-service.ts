import { schemaFormat } from '@codex/cloudflare-clients/cache'
import { platformSettings, users, type Database } from '@codex/database'
import { eq, inArray, sql } from 'drizzle-orm'
import { invalidate, staleEntry } from '../cache/invalidate.ts'
import type { ServiceCache } from '../cache/service-cache.ts'
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

export interface SettingsServiceOptions {
  readonly database: Database
  /** Takes the definition of this service, so each client makes one of it. */
  readonly cache: ServiceCache
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** Hears of a cache entry that could not be deleted. Default: one line on the console. */
  readonly onEvent?: ServiceEventReporter
}

export interface SettingsChange {
  readonly ok: true
  readonly settings: PlatformSettings
  /** `false`: the change stands, but it may be seen only after 5 min and another read. Save again. */
  readonly cacheInvalidated: boolean
}

/**
 * The platform's settings, over typed defaults.
 *
 * They are read with every page, so they are cached: fresh for 5 min, refreshed in the background after that, and served for a
 * week while the database fails. A change deletes the entry; another isolate sees it after 30 s and what KV takes to
 * show it, usually within 60 s. A setting whose stored value is damaged has its default.
 */
export interface SettingsService {
  /** @param options.fresh Asks the database: where a setting decides what somebody may do. Default `false`. */
  get(options?: { readonly fresh?: boolean }): Promise<PlatformSettings>
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

  const platform = cache.define<'platform', PlatformSettings>('settings', {
    load,
    format: schemaFormat(platformSettingsSchema),
    fresh: '5m',
    stale: '1d',
    staleIfError: '7d',
  })
  const stale = staleEntry(platform, { id: 'platform', key: (id) => [id] })

  return {
    async get({ fresh = false } = {}) {
      return fresh ? load() : ((await platform.get('platform')) ?? defaultPlatformSettings)
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
      const cacheInvalidated = await invalidate([stale], { onEvent })
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
