import type { FlagFault } from '../flag-authority-calls.ts'
import type {
  FlagBucketing,
  FlagDefinition,
  FlagRule,
  FlagSegment,
  FlagValue,
} from '../flag-definition.ts'
import { isRule, type RuleScope, toCondition, toWhole } from './flagd-condition.ts'
import { validateFlag, validateSegment } from '../validate-flag.ts'
import { cannot, FlagdFaultError } from './flagd-document.ts'
import { type OutcomeScope, toBranches, toRules } from './flagd-outcome.ts'

export interface FlagdImport {
  /** For `importFlags`. Flags with a fault are not among them. */
  readonly flags: Readonly<Record<string, FlagDefinition>>
  /** What `$evaluators` were as conditions. */
  readonly segments: Readonly<Record<string, FlagSegment>>
  /** What could not be carried over, and why: `flags.color.targeting.if[0].reduce`. */
  readonly faults: readonly FlagFault[]
}

/**
 * Reads flags of flagd.
 *
 * They answer as flagd's own evaluation does, for everybody: `fractional` as it is since flagd's `fractional` version 2, so that nobody changes sides. Hand
 * `murmur3Bucketing` to the reader's `algorithms` for it, and `semverOperators` to its `operators` where they use `sem_ver`. What is different:
 *
 * - A version is `1.2.3` (to flagd also `v1.2.3` and `1.2`). A text is no number in an order such as `<`, and equal to one only in its usual form: `"1"`.
 * - A list or an object in the place of a single value is nothing.
 * - Where flagd's evaluation ends in an error, such as for a text that it compares with a number, ours goes on: nothing is equal, less or more.
 * - Shares have the reason `SPLIT`, and a flag that gives everybody the caller's default has `STATIC`.
 * - `@openfeature/flagd-core`, flagd's evaluation in JavaScript, spreads users whose id is not ASCII by UTF-16. This does it by UTF-8, as flagd itself.
 *
 * Carried over are `if`, `and`, `or`, `!`, `!!`, `==`, `===`, `!=`, `!==`, `<`, `<=`, `>`, `>=`, `in`, `starts_with`, `ends_with`, `sem_ver`, `fractional`
 * with constant weights, or such as an `if` chooses, `$ref`, and `$flagd.timestamp`. All else is a fault.
 *
 * @param document What `JSON.parse` made of the file. Its flags may be a list, as flagd also takes them.
 * @returns Never throws: where the document is none, there are only faults.
 *
 * @example
 * ```ts
 * import { fromFlagd } from '@codex/cloudflare-clients/openfeature'
 *
 * const { flags, faults } = fromFlagd(await request.json())
 * console.log(Object.keys(flags), faults.map(({ path, reason }) => `${path} ${reason}`))
 * ```
 */
export function fromFlagd(document: unknown): FlagdImport {
  const { flags = {}, $evaluators = {}, metadata = {} } = asRecord(document)
  const faults: FlagFault[] = []
  const evaluators = new EvaluatorSegments(asRecord($evaluators))
  const imported: Record<string, FlagDefinition> = {}
  const catchFault = (translate: () => void): void => {
    try {
      translate()
    } catch (error) {
      if (!(error instanceof FlagdFaultError)) throw error
      faults.push({ path: error.path, reason: error.message })
    }
  }
  if (!isRule(document) || !Object.hasOwn(document, 'flags'))
    faults.push({ path: 'flags', reason: 'must be there' })
  for (const [path, name, flag] of listFlags(flags)) {
    catchFault(() => {
      const definition = toDefinition(flag, name, path, asRecord(metadata), evaluators)
      // Assigned, `__proto__` would be no name.
      Object.defineProperty(imported, name, {
        value: definition,
        enumerable: true,
        configurable: true,
      })
    })
  }
  for (const name of evaluators.unused()) {
    catchFault(() => {
      evaluators.toScope().toSegment(name, `$evaluators.${name}`)
    })
  }
  const segments = withoutFaults('$evaluators', evaluators.segments(), faults, (name, segment) =>
    validateSegment(name, segment),
  )
  const whole = withoutFaults('flags', imported, faults, (name, flag) =>
    validateFlag(name, flag, { flags: {}, segments }),
  )
  return { flags: whole, segments, faults }
}

/** What is left out is what a writer would refuse, such as rules that are nested too deep. */
function withoutFaults<T>(
  kind: string,
  definitions: Readonly<Record<string, T>>,
  faults: FlagFault[],
  validate: (name: string, definition: T) => readonly FlagFault[],
): Readonly<Record<string, T>> {
  return Object.fromEntries(
    Object.entries(definitions).filter(([name, definition]) => {
      const found = validate(name, definition)
      faults.push(
        ...found.map(({ path, reason }) => ({
          path: path === '' ? `${kind}.${name}` : `${kind}.${name}.${path}`,
          reason,
        })),
      )
      return found.length === 0
    }),
  )
}

function listFlags(
  flags: unknown,
): readonly (readonly [path: string, name: string, flag: unknown])[] {
  if (!Array.isArray(flags))
    return Object.entries(asRecord(flags)).map(([name, flag]) => [`flags.${name}`, name, flag])
  return flags.map((flag: unknown, i) => {
    const { key } = asRecord(flag)
    return [`flags[${i}]`, typeof key === 'string' ? key : '', flag]
  })
}

function toDefinition(
  flag: unknown,
  name: string,
  path: string,
  setMetadata: Readonly<Record<string, unknown>>,
  evaluators: EvaluatorSegments,
): FlagDefinition {
  if (!isRule(flag)) return cannot(path, 'must be a flag')
  if (name === '') return cannot(path, 'must have a key')
  const { state, variants, defaultVariant, targeting, metadata } = flag
  if (state !== 'ENABLED' && state !== 'DISABLED')
    return cannot(`${path}.state`, 'must be ENABLED or DISABLED')
  const names = new Set(Object.keys(asRecord(variants)))
  const isText = typeof defaultVariant === 'string' && defaultVariant !== ''
  if (isText && !names.has(defaultVariant))
    return cannot(`${path}.defaultVariant`, 'must be the name of one of the variants')
  const base = {
    enabled: state === 'ENABLED',
    variants: toVariants(variants, `${path}.variants`),
    // flagd gives the caller's default while a flag is disabled, and where it has no default variant.
    ...(names.has('off') && { offVariant: null }),
    ...(isText ? { defaultVariant } : names.has('on') && { defaultVariant: null }),
    ...toMetadata({ ...setMetadata, ...asRecord(metadata) }, `${path}.metadata`),
  }
  if (!isRule(targeting) || Object.keys(targeting).length === 0) return base
  const scope: OutcomeScope = {
    flagKey: name,
    variants: names,
    ...(isText && { defaultVariant }),
    ...evaluators.toScope(),
  }
  return { ...base, ...toTargeting(targeting, `${path}.targeting`, scope) }
}

function toTargeting(
  targeting: unknown,
  path: string,
  scope: OutcomeScope,
): { readonly rules?: readonly FlagRule[]; readonly bucketing?: FlagBucketing } {
  let bucketing: FlagBucketing | undefined
  const rules = toRules(toBranches(targeting, path, scope)).map(({ when, outcome }): FlagRule => {
    if ('variant' in outcome) return { when, variant: outcome.variant }
    bucketing ??= outcome.bucketing
    if (JSON.stringify(bucketing) !== JSON.stringify(outcome.bucketing))
      return cannot(path, 'must spread users in one way only')
    return { when, split: outcome.split }
  })
  return { ...(rules.length > 0 && { rules }), ...(bucketing && { bucketing }) }
}

function toVariants(variants: unknown, path: string): Readonly<Record<string, FlagValue>> {
  const entries = Object.entries(asRecord(variants))
  if (entries.length === 0) return cannot(path, 'must be values by name')
  const types = new Set(entries.map(([, value]) => typeof value))
  const isKnown = (value: unknown): boolean =>
    value !== null && ['boolean', 'string', 'number', 'object'].includes(typeof value)
  if (types.size > 1 || !entries.every(([, value]) => isKnown(value)))
    return cannot(path, 'must be of one type')
  return variants as Readonly<Record<string, FlagValue>>
}

function toMetadata(
  metadata: Readonly<Record<string, unknown>>,
  path: string,
): Pick<FlagDefinition, 'metadata'> {
  const entries = Object.entries(metadata)
  if (entries.length === 0) return {}
  if (!entries.every(([, value]) => ['boolean', 'string', 'number'].includes(typeof value)))
    return cannot(path, 'must be booleans, texts and numbers')
  return { metadata: metadata as Readonly<Record<string, boolean | string | number>> }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRule(value) ? value : {}
}

/** The evaluators of a document: segments where they stand for conditions, and taken in where they stand for variants. */
class EvaluatorSegments {
  readonly #evaluators: Readonly<Record<string, unknown>>
  readonly #segments = new Map<string, FlagSegment>()
  readonly #takenIn = new Set<string>()

  constructor(evaluators: Readonly<Record<string, unknown>>) {
    this.#evaluators = evaluators
  }

  /** @param open Those that are being read, to find circles. */
  toScope(open: ReadonlySet<string> = new Set()): RuleScope {
    return {
      toSegment: (name, path) => {
        if (!this.#segments.has(name)) {
          const rule = this.#read(name, path, open)
          const when = toCondition(
            rule,
            `$evaluators.${name}`,
            this.toScope(new Set([...open, name])),
          )
          this.#segments.set(name, { when: toWhole(when) })
        }
        return { segment: name }
      },
      toRule: (name, path) => {
        this.#takenIn.add(name)
        const rule = this.#read(name, path, open)
        return { rule, scope: this.toScope(new Set([...open, name])) }
      },
    }
  }

  unused(): readonly string[] {
    return Object.keys(this.#evaluators).filter(
      (name) => !this.#segments.has(name) && !this.#takenIn.has(name),
    )
  }

  segments(): Readonly<Record<string, FlagSegment>> {
    return Object.fromEntries(this.#segments)
  }

  #read(name: string, path: string, open: ReadonlySet<string>): unknown {
    if (!Object.hasOwn(this.#evaluators, name)) return cannot(path, 'refers to no evaluator')
    return open.has(name) ? cannot(path, 'refers to itself') : this.#evaluators[name]
  }
}
