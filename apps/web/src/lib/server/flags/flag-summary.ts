import type {
  FlagDefinition,
  FlagRuleset,
  StoredFlag,
  StoredSegment,
} from '@codex/cloudflare-clients/feature-flags'
import { siteFlags } from './site-ruleset.ts'

/** A flag in the owner's list. */
export interface FlagLine {
  readonly name: string
  /** 0: it is as the app brings it, and was never written. */
  readonly version: number
  readonly enabled: boolean
  /** Whom it gives what, in a few words. */
  readonly status: string
  readonly strictWithinSeconds: number | null
  readonly description: string
}

/** Every flag that is stored or that the app asks for, by name. */
export function listFlags({ flags, version }: FlagRuleset): FlagLine[] {
  const names = new Set([...Object.keys(flags), ...Object.keys(siteFlags)])
  return [...names].toSorted().flatMap((name) => {
    const flag = findFlag({ flags }, name)
    return flag
      ? [
          {
            name,
            version: flag.version,
            enabled: flag.enabled,
            // Once anything is written, only what is written counts.
            status:
              version > 0 && flag.version === 0
                ? 'Not stored: the app does as if it were off'
                : describeFlag(flag),
            strictWithinSeconds: flag.strict?.withinSeconds ?? null,
            description: flag.description ?? '',
          },
        ]
      : []
  })
}

/** A segment in the owner's list. */
export interface SegmentLine {
  readonly name: string
  readonly version: number
  readonly description: string
  /** Names of the flags and segments whose conditions name it. */
  readonly usedBy: readonly string[]
}

/** By name. */
export function listSegments({ flags, segments = {} }: FlagRuleset): SegmentLine[] {
  const conditions = [
    ...Object.entries(flags).map(([name, { rules = [] }]) => ({ name, of: rules })),
    ...Object.entries(segments).map(([name, { when }]) => ({ name, of: when })),
  ].map(({ name, of }) => ({ name, segments: findSegments(of) }))
  return Object.entries(segments)
    .map(([name, { version = 0, description = '' }]) => ({
      name,
      version,
      description,
      usedBy: conditions.filter((one) => one.segments.has(name)).map((one) => one.name),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function findSegments(condition: unknown): ReadonlySet<string> {
  const found = new Set<string>()
  JSON.stringify(condition, (field, value: unknown) => {
    if (field === 'segment' && typeof value === 'string') found.add(value)
    return value
  })
  return found
}

/** As it is stored, or else as the app brings it, with version 0. `null`: neither. */
export function findFlag({ flags }: Pick<FlagRuleset, 'flags'>, name: string): StoredFlag | null {
  if (Object.hasOwn(flags, name)) return flags[name] ?? null
  const brought: Readonly<Record<string, FlagDefinition>> = siteFlags
  const flag = Object.hasOwn(brought, name) ? brought[name] : undefined
  return flag ? { ...flag, version: 0 } : null
}

export function findSegment(
  { segments = {} }: Pick<FlagRuleset, 'segments'>,
  name: string,
): StoredSegment | null {
  return Object.hasOwn(segments, name) ? (segments[name] ?? null) : null
}

function describeFlag(flag: FlagDefinition): string {
  if (!flag.enabled) return 'Off for everybody'
  const { rules = [], allow = [], block = [] } = flag
  const parts = [
    allow.length > 0 && `${String(allow.length)} allowed`,
    block.length > 0 && `${String(block.length)} blocked`,
    rules.length > 0 && `${String(rules.length)} ${rules.length === 1 ? 'rule' : 'rules'}`,
    flag.startsAt !== undefined && `from ${flag.startsAt}`,
    flag.endsAt !== undefined && `until ${flag.endsAt}`,
  ].filter((part) => part !== false)
  return [describeOthers(flag), ...parts].join(' · ')
}

function describeOthers({ split, percentage, defaultVariant }: FlagDefinition): string {
  if (split) return split.map(({ variant, weight }) => `${variant} ${String(weight)}`).join(' : ')
  if (percentage !== undefined) return `On for ${String(percentage)} %`
  return defaultVariant === undefined ? 'On for everybody' : `“${defaultVariant}” for all others`
}

/** The fields in which two definitions differ. */
export function changedFields(before: object | null, after: object | null): string[] {
  const [from, to] = [{ ...before }, { ...after }] as Record<string, unknown>[]
  const names = new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})])
  names.delete('version')
  return [...names].filter((name) => JSON.stringify(from?.[name]) !== JSON.stringify(to?.[name]))
}
