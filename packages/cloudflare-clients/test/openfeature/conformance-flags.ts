import type {
  FlagCondition,
  FlagDefinition,
  FlagValue,
} from '../../src/lib/feature-flags/flag-definition.ts'
import definitions from '../fixtures/openfeature/test-flags.json'

interface SuiteFlag {
  readonly disabled?: boolean
  readonly variants: Readonly<Record<string, FlagValue>>
  readonly defaultVariant?: string | null
  readonly flagMetadata?: Readonly<Record<string, boolean | string | number>> | null
  readonly contextEvaluator?: string
}

const email = { attribute: 'email', op: 'eq', value: 'ballmer@macrosoft.com' } as const
const isNoCustomer: FlagCondition = {
  any: [
    { attribute: 'customer', op: 'eq', value: false },
    { not: { attribute: 'customer', op: 'exists', value: true } },
  ],
}

/** The suite's expressions, word by word: they are of a language of their own, and there are two. */
const expressions: Readonly<
  Record<string, { readonly when: FlagCondition; readonly variant: string }>
> = {
  "email == 'ballmer@macrosoft.com' ? 'zero' : ''": { when: email, variant: 'zero' },
  "!customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''": {
    when: { all: [isNoCustomer, email, { attribute: 'age', op: 'gt', value: 10 }] },
    variant: 'internal',
  },
}

/** The suite's flags as ours. */
export function toConformanceFlags(): Readonly<Record<string, FlagDefinition>> {
  const flags = Object.entries(definitions as Readonly<Record<string, SuiteFlag>>).map(
    ([name, flag]) => [name, toDefinition(name, flag)] as const,
  )
  return { ...Object.fromEntries(flags), 'context-aware': contextAware }
}

function toDefinition(
  name: string,
  { disabled = false, variants, defaultVariant, flagMetadata, contextEvaluator }: SuiteFlag,
): FlagDefinition {
  const rule = contextEvaluator === undefined ? undefined : expressions[contextEvaluator]
  if (contextEvaluator !== undefined && rule === undefined)
    throw new Error(`There is an expression of ${name} that is not known: ${contextEvaluator}`)
  return {
    enabled: !disabled,
    variants,
    offVariant: null,
    defaultVariant: defaultVariant ?? null,
    ...(flagMetadata && { metadata: flagMetadata }),
    ...(rule && { rules: [rule] }),
  }
}

/** Of the deprecated suite, whose flags are in no file: as its one scenario about it says. */
const contextAware: FlagDefinition = {
  enabled: true,
  variants: { internal: 'INTERNAL', external: 'EXTERNAL' },
  defaultVariant: 'external',
  rules: [
    {
      when: {
        all: [
          { attribute: 'fn', op: 'eq', value: 'Sulisław' },
          { attribute: 'ln', op: 'eq', value: 'Świętopełk' },
          { attribute: 'age', op: 'eq', value: 29 },
          { attribute: 'customer', op: 'eq', value: false },
        ],
      },
      variant: 'internal',
    },
  ],
}
