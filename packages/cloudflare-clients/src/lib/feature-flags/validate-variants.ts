import {
  checkName,
  describeValue,
  type FaultReport,
  suggest,
  isRecord,
} from './definition-checks.ts'
import { toType } from './flag-variants.ts'

const maxVariants = 100
const maxValueDepth = 32

/** Names of a flag's variants, also where something is wrong with it. */
export function readVariantNames(flag: Readonly<Record<string, unknown>>): readonly string[] {
  const { variants } = flag
  if (variants === undefined) return ['on', 'off']
  return isRecord(variants) ? Object.keys(variants) : []
}

/** The variant that users who are allowed, or in the percentage, get. */
export function readOnVariant(flag: Readonly<Record<string, unknown>>): unknown {
  const { onVariant } = flag
  if (onVariant !== undefined) return onVariant ?? undefined
  return readVariantNames(flag).includes('on') ? 'on' : undefined
}

export function checkVariants(report: FaultReport, flag: Readonly<Record<string, unknown>>): void {
  const { variants } = flag
  const names = readVariantNames(flag)
  if (variants !== undefined) {
    if (!isRecord(variants))
      report('variants', `must be values by name, received ${describeValue(variants)}`)
    else checkValues(report, variants)
  }
  for (const field of ['onVariant', 'offVariant', 'defaultVariant']) {
    const variant = flag[field]
    if (variant !== undefined && variant !== null) checkVariantName(report, field, variant, names)
  }
}

export function checkVariantName(
  report: FaultReport,
  path: string,
  variant: unknown,
  names: readonly string[],
): void {
  if (typeof variant === 'string' && names.includes(variant)) return
  const hint = typeof variant === 'string' ? suggest(variant, names) : ''
  report(path, `must be one of the variants, received ${quote(variant)}${hint}`)
}

function quote(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : describeValue(value)
}

function checkValues(report: FaultReport, variants: Readonly<Record<string, unknown>>): void {
  const entries = Object.entries(variants)
  if (entries.length < 1 || entries.length > maxVariants)
    report('variants', `must be 1 to ${maxVariants}, received ${entries.length}`)
  let firstType: string | undefined
  for (const [name, value] of entries) {
    const path = `variants.${name}`
    checkName(report, path, name)
    const type = toType(value)
    firstType ??= type
    if (type === undefined)
      report(
        path,
        `must be true, false, text, a number, an object or a list, received ${describeValue(value)}`,
      )
    else if (type !== firstType)
      report(
        path,
        `must be of the same type as the first one, ${String(firstType)}, received ${type}`,
      )
    if (toDepth(value) > maxValueDepth)
      report(path, `must not be nested deeper than ${maxValueDepth}`)
  }
}

function toDepth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(toDepth))
}
