import type { FlagContext } from '../flag-evaluation.ts'

/** Deeper than this, dates stay what they are. */
const maxDepth = 16

/**
 * An evaluation context of OpenFeature as one of ours: `targetingKey` is the user, and all else is attributes. Dates become ISO 8601, which conditions compare.
 *
 * @returns `null` where the targeting key is no text.
 */
export function toFlagContext(context: Readonly<Record<string, unknown>>): FlagContext | null {
  const { targetingKey, ...others } = context
  const fields: Record<string, unknown> = others
  for (const [name, value] of Object.entries(fields))
    if (typeof value === 'object') fields[name] = withoutDates(value, 1)
  if (targetingKey === undefined || targetingKey === null) return { attributes: fields }
  return typeof targetingKey === 'string' ? { userId: targetingKey, attributes: fields } : null
}

function withoutDates(value: unknown, depth: number): unknown {
  // An invalid date is no time.
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value
  if (Array.isArray(value)) return value.map((inner) => withoutDates(inner, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withoutDates(inner, depth + 1)]),
  )
}
