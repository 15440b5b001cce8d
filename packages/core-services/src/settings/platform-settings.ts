import * as v from 'valibot'
import { objectMessage } from '../validation/object-message.ts'

const maxUploadBytesLimit = 100 * 1024 * 1024

/** One schema for each setting: it refuses bad input, and it spots a stored value that is damaged. */
const entries = {
  siteName: v.pipe(
    v.string('Write a name'),
    v.trim(),
    v.minLength(1, 'Write a name'),
    v.maxLength(60, 'Keep the name within 60 characters'),
  ),
  tagline: v.pipe(
    v.string('Write the tagline as text'),
    v.trim(),
    v.maxLength(160, 'Keep the tagline within 160 characters'),
  ),
  /** Shown on every page. Empty for none. */
  announcement: v.pipe(
    v.string('Write the announcement as text'),
    v.trim(),
    v.maxLength(280, 'Keep the announcement within 280 characters'),
  ),
  /** At most 100 MiB, near what a request body may be on Cloudflare's smaller plans (100 MB). */
  maxUploadBytes: v.pipe(
    v.number('Set a number of bytes'),
    v.integer('Set a whole number of bytes'),
    v.minValue(1024, 'Allow at least 1,024 bytes'),
    v.maxValue(maxUploadBytesLimit, 'Allow at most 104,857,600 bytes'),
  ),
  registrationOpen: v.boolean('Choose whether new people may sign up'),
}

export const platformSettingsSchema = v.object(entries)
export type PlatformSettings = v.InferOutput<typeof platformSettingsSchema>

export const platformSettingsPatchSchema = v.partial(v.strictObject(entries, objectMessage))
/** Only the settings that change. */
export type PlatformSettingsPatch = v.InferInput<typeof platformSettingsPatchSchema>

export const defaultPlatformSettings: PlatformSettings = {
  siteName: 'Codex',
  tagline: 'Good work, straight from the people who make it',
  announcement: '',
  maxUploadBytes: 25 * 1024 * 1024,
  registrationOpen: true,
}

/** The stored settings over the defaults. A stored value that is damaged or unknown leaves its default. */
export function mergeSettings(stored: Readonly<Record<string, unknown>>): PlatformSettings {
  const valid = Object.entries(entries).filter(([key, schema]) => v.is(schema, stored[key]))
  const merged = Object.fromEntries(valid.map(([key]) => [key, stored[key]]))
  return v.parse(platformSettingsSchema, { ...defaultPlatformSettings, ...merged })
}
