import type {
  FlagDefinition,
  FlagRuleset,
  StoredFlag,
} from '@codex/cloudflare-clients/feature-flags'

const mebibyte = 1024 * 1024

/**
 * The flags that this app asks for, as they are until an owner changes them: in the bundle, so that they are there before anything was
 * written, and without KV.
 */
export const siteFlags = {
  'new-item-page': {
    enabled: true,
    percentage: 0,
    description: 'The new layout of item pages. Raise the percentage to show it to more people.',
  },
  'upload-size': {
    enabled: true,
    variants: {
      customer: 5 * mebibyte,
      creator: 50 * mebibyte,
      owner: 100 * mebibyte,
    },
    defaultVariant: 'customer',
    rules: [
      {
        id: 'owners',
        when: { attribute: 'role', op: 'eq', value: 'owner' },
        variant: 'owner',
      },
      {
        id: 'creators',
        when: { attribute: 'role', op: 'eq', value: 'creator' },
        variant: 'creator',
      },
    ],
    description:
      'The largest upload in bytes, per role. The limit in the platform’s settings stands above it.',
  },
  'maintenance-mode': {
    enabled: false,
    strict: { withinSeconds: 5 },
    description:
      'Closes the site to everybody but owners, within 5 seconds everywhere. Enable it to close.',
  },
} as const satisfies Readonly<Record<string, FlagDefinition>>

export type SiteFlag = keyof typeof siteFlags

export function isSiteFlag(name: string): name is SiteFlag {
  return Object.hasOwn(siteFlags, name)
}

/** What is answered from until another one was loaded. Any that was written is newer. */
export function toSiteRuleset(flags: Readonly<Record<string, FlagDefinition>>): FlagRuleset {
  const stored = new Map(
    Object.entries(flags).map(([name, flag]): [string, StoredFlag] => [
      name,
      { ...flag, version: 0 },
    ]),
  )
  return { format: 1, version: 0, changedAtMs: 0, flags: Object.fromEntries(stored) }
}

export const siteRuleset: FlagRuleset = toSiteRuleset(siteFlags)
