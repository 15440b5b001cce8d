import type { FlagDefinition, FlagFault, FlagValue } from '@codex/cloudflare-clients/feature-flags'
import { textField } from '../read-form.ts'
import { readJson } from './read-json.ts'

/** A flag's form as it was typed, to show it again. */
export interface FlagFormValues {
  readonly enabled: boolean
  readonly description: string
  readonly percentage: string
  /** One user id per line. */
  readonly allow: string
  readonly block: string
  readonly defaultVariant: string
  /** Seconds. Empty: not strict. */
  readonly withinSeconds: string
  /** JSON. Empty: none. */
  readonly variants: string
  readonly rules: string
  /** JSON of all fields that have no field of their own. */
  readonly more: string
}

export type FlagFormErrors = Readonly<Partial<Record<keyof FlagFormValues, string>>>

export type ReadFlagResult =
  | { readonly ok: true; readonly definition: FlagDefinition }
  | { readonly ok: false; readonly errors: FlagFormErrors }

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function readFlagForm(form: FormData): FlagFormValues {
  const text = (name: string): string => textField(form, name)
  return {
    enabled: form.get('enabled') === 'on',
    description: text('description'),
    percentage: text('percentage').trim(),
    allow: text('allow'),
    block: text('block'),
    defaultVariant: text('defaultVariant').trim(),
    withinSeconds: text('withinSeconds').trim(),
    variants: text('variants'),
    rules: text('rules'),
    more: text('more'),
  }
}

/** How a flag fills its form. Read again unchanged, it is the same flag. */
export function toFlagForm(flag: FlagDefinition & { readonly version?: number }): FlagFormValues {
  const {
    enabled,
    description = '',
    percentage,
    allow = [],
    block = [],
    defaultVariant,
    strict,
    variants,
    rules,
    version: _,
    ...rest
  } = flag
  const { withinSeconds, ...moreStrict } = strict ?? {}
  const more = {
    ...rest,
    ...(Object.keys(moreStrict).length > 0 && { strict: moreStrict }),
    // An id with a line break would be read as two.
    ...(needsMore(allow) && { allow }),
    ...(needsMore(block) && { block }),
    // None of the variants, which an empty field does not say.
    ...(defaultVariant === null && { defaultVariant }),
  }
  return {
    enabled,
    description,
    percentage: percentage === undefined ? '' : String(percentage),
    allow: needsMore(allow) ? '' : allow.join('\n'),
    block: needsMore(block) ? '' : block.join('\n'),
    defaultVariant: defaultVariant ?? '',
    withinSeconds: withinSeconds === undefined ? '' : String(withinSeconds),
    variants: variants === undefined ? '' : toJson(variants),
    rules: rules === undefined ? '' : toJson(rules),
    more: Object.keys(more).length === 0 ? '' : toJson(more),
  }
}

/** The definition, or what cannot be read. Whether it makes sense is the flags' to say: see {@link toFlagFormErrors}. */
export function toFlagDefinition(values: FlagFormValues): ReadFlagResult {
  const errors: Mutable<FlagFormErrors> = {}
  const json = (field: 'variants' | 'rules' | 'more', kind: 'a list' | 'an object'): unknown => {
    if (values[field].trim() === '') return undefined
    const read = readJson(values[field], kind)
    if ('value' in read) return read.value
    errors[field] = read.problem
    return undefined
  }
  const number = (field: 'percentage' | 'withinSeconds', problem: string): number | undefined => {
    if (values[field] === '') return undefined
    // Number() takes hexadecimal and more, which nobody means here.
    const value = /^\d+(?:\.\d+)?$/.test(values[field]) ? Number(values[field]) : Number.NaN
    if (Number.isNaN(value)) errors[field] = problem
    return value
  }
  const percentage = number('percentage', 'Write a number from 0 to 100, or nothing')
  const withinSeconds = number('withinSeconds', 'Write seconds from 1 to 3,600, or nothing')
  const variants = json('variants', 'an object') as Record<string, FlagValue> | undefined
  const rules = json('rules', 'a list') as FlagDefinition['rules']
  const more = (json('more', 'an object') ?? {}) as Partial<FlagDefinition>
  if (Object.keys(errors).length > 0) return { ok: false, errors }

  const [allow, block] = [toIds(values.allow), toIds(values.block)]
  const strict = {
    ...more.strict,
    ...(withinSeconds !== undefined && { withinSeconds }),
  }
  return {
    ok: true,
    definition: {
      ...more,
      enabled: values.enabled,
      ...(values.description.trim() !== '' && { description: values.description.trim() }),
      ...(percentage !== undefined && { percentage }),
      ...(allow.length > 0 && { allow }),
      ...(block.length > 0 && { block }),
      ...(values.defaultVariant !== '' && { defaultVariant: values.defaultVariant }),
      ...(Object.keys(strict).length > 0 && {
        strict: strict as NonNullable<FlagDefinition['strict']>,
      }),
      ...(variants !== undefined && { variants }),
      ...(rules !== undefined && { rules }),
    },
  }
}

const fieldOfPath: Readonly<Record<string, keyof FlagFormValues>> = {
  enabled: 'enabled',
  description: 'description',
  percentage: 'percentage',
  allow: 'allow',
  block: 'block',
  defaultVariant: 'defaultVariant',
  'strict.withinSeconds': 'withinSeconds',
  variants: 'variants',
  rules: 'rules',
}

/** All faults of each field, each with its path, under the field of the form that holds it. */
export function toFlagFormErrors(faults: readonly FlagFault[]): FlagFormErrors {
  const errors: Mutable<FlagFormErrors> = {}
  for (const { path, reason } of faults) {
    const [root = ''] = path.split(/[.[]/)
    const field = fieldOfPath[path] ?? fieldOfPath[root] ?? 'more'
    addFault(errors, field, { path, reason })
  }
  return errors
}

/** A line more of what is wrong with a field. */
export function addFault<Field extends string>(
  errors: Partial<Record<Field, string>>,
  field: Field,
  { path, reason }: FlagFault,
): void {
  const line = path === field || path === '' ? reason : `${path}: ${reason}`
  errors[field] = errors[field] === undefined ? line : `${errors[field]}\n${line}`
}

function needsMore(ids: readonly string[]): boolean {
  return ids.some((id) => id.trim() !== id || id === '' || /[\r\n]/.test(id))
}

function toIds(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
