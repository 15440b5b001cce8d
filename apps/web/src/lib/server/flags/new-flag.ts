import type { FlagDefinition } from '@codex/cloudflare-clients/feature-flags'

/** What a new flag begins as, by the type of its values: off, so that making one changes nothing. */
export const newFlagTypes = {
  boolean: { enabled: false },
  string: { enabled: false, variants: { on: 'on', off: 'off' } },
  number: { enabled: false, variants: { on: 1, off: 0 } },
  json: { enabled: false, variants: { on: { enabled: true }, off: { enabled: false } } },
} as const satisfies Readonly<Record<string, FlagDefinition>>

export function isNewFlagType(type: string): type is keyof typeof newFlagTypes {
  return Object.hasOwn(newFlagTypes, type)
}
