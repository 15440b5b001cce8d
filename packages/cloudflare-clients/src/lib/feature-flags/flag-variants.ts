import { readObject, refuse } from './definition-parts.ts'
import { type FlagAnswer, toErrorAnswer } from './flag-answer.ts'
import type { FlagMetadata, FlagType, FlagValue } from './flag-definition.ts'
import type { FlagDecision, FlagReason } from './flag-evaluation.ts'

/** What a flag's answers have in common, and the answers that can be made of it. */
export interface FlagVariants {
  readonly type: FlagType
  readonly about: { readonly flagVersion: number; readonly metadata?: FlagMetadata }
  readonly onVariant: string | undefined
  readonly offVariant: string | undefined
  readonly defaultVariant: string | undefined
  readonly missingUnit: FlagAnswer
  /** Refuses what is none of the variants. */
  readonly check: (variant: unknown) => string
  /** @param variant `undefined`: the caller's default. */
  readonly toAnswer: (
    variant: string | undefined,
    reason: FlagReason,
    decision: FlagDecision,
    rule?: string,
  ) => FlagAnswer
}

export function readVariants(definition: Readonly<Record<string, unknown>>): FlagVariants {
  const { variants = { on: true, off: false }, version, metadata } = definition
  // Not an object: `__proto__` is a name like any other.
  const values = new Map<unknown, unknown>(Object.entries(copyJson(readObject(variants))))
  const [type, otherType] = new Set([...values.values()].map(toType))
  if (!type || otherType) refuse()
  const about = {
    flagVersion: Number(version) || 0,
    ...(metadata !== undefined && { metadata: copyJson(metadata) as FlagMetadata }),
  }
  const check = (variant: unknown): string => (values.has(variant) ? (variant as string) : refuse())
  // `null` is the caller's default, in spite of a variant of that name.
  const checkOr = (variant: unknown, byDefault: string | undefined): string | undefined =>
    variant === null || (variant === undefined && !values.has(byDefault))
      ? undefined
      : check(variant ?? byDefault)
  const onVariant = checkOr(definition.onVariant, 'on')
  return {
    type,
    about,
    check,
    onVariant,
    offVariant: checkOr(definition.offVariant, 'off'),
    defaultVariant: checkOr(definition.defaultVariant, onVariant),
    missingUnit: toErrorAnswer('TARGETING_KEY_MISSING', about),
    toAnswer: (variant, reason, decision, rule) =>
      Object.freeze({
        ...(variant !== undefined && { value: values.get(variant) as FlagValue, variant }),
        reason,
        decision,
        ...(rule !== undefined && { rule }),
        ...about,
      }),
  }
}

/** @returns `undefined`: no flag has values of this type. */
export function toType(value: unknown): FlagType | undefined {
  const type = typeof value
  return type !== 'object' ? (type as FlagType) : value ? 'json' : undefined
}

/** Frozen, because it is handed out to everybody, and a copy, because a definition is the caller's. */
function copyJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_name, inner: unknown) => Object.freeze(inner)) as T
}
