import type { BucketingAlgorithm } from './bucketing.ts'
import {
  checkFields,
  checkJson,
  checkList,
  checkName,
  describeValue,
  type FaultReport,
  isRecord,
} from './definition-checks.ts'
import type { FlagFault } from './flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import { parseTime } from './iso-time.ts'
import { checkCondition } from './validate-condition.ts'
import { checkBucketing, checkPrerequisites, checkSegmentReference } from './validate-references.ts'
import { checkServed, checkUsers } from './validate-serve.ts'
import { checkVariantName, checkVariants, readVariantNames } from './validate-variants.ts'

/** What a definition may refer to. */
export interface KnownDefinitions {
  readonly flags: Readonly<Record<string, FlagDefinition>>
  readonly segments?: Readonly<Record<string, FlagSegment>>
  /** That all readers have, beside `sha256`, version 1, and `murmur3`, version 2. */
  readonly algorithms?: readonly Pick<BucketingAlgorithm, 'name' | 'version'>[]
}

const maxRules = 200
const maxDescriptionCharacters = 2000
const maxDefinitionBytes = 256 * 1024
const flagFields = [
  'enabled',
  'variants',
  'onVariant',
  'offVariant',
  'defaultVariant',
  'allow',
  'block',
  'percentage',
  'split',
  'rules',
  'prerequisites',
  'startsAt',
  'endsAt',
  'bucketing',
  'strict',
  'description',
  'metadata',
  // Of the stored flag that a change began with. The writer puts its own in its place.
  'version',
]

/**
 * Finds everything that is wrong with a definition, for whoever writes one.
 *
 * A definition without faults is one that readers understand as it was meant: nothing in it is passed over. What is refused beside what a
 * reader could not use: fields that are not known, names over 128 characters, more than 100 variants, 200 rules or 10,000 entries in a list, 256
 * KiB of JSON, percentages not in steps of 0.01, entries that are there twice, and windows that end before they begin.
 *
 * @param known What it may refer to. Without it, names of other flags and segments are not looked up.
 * @returns Paths such as `rules[2].when.value`, with what was wanted there. Empty: there is nothing wrong. No reason holds an entry of a list
 *   or a value of a condition, since these may be user ids.
 *
 * @example
 * ```ts
 * import { validateFlag } from '@codex/cloudflare-clients/feature-flags'
 *
 * validateFlag('beta', { enabled: true, percentag: 10 }) // [{ path: 'percentag', reason: 'is not known, did you mean "percentage"?' }]
 * ```
 */
export function validateFlag(
  name: string,
  definition: unknown,
  known?: KnownDefinitions,
): readonly FlagFault[] {
  return collectFaults(name, definition, (report, record) => {
    checkFields(report, '', record, flagFields)
    if (typeof record.enabled !== 'boolean')
      report('enabled', `must be true or false, received ${describeValue(record.enabled)}`)
    checkVariants(report, record)
    checkServed(report, '', record, record)
    checkUsers(report, 'allow', record)
    checkUsers(report, 'block', record)
    checkRules(report, record, known)
    checkPrerequisites(report, name, record.prerequisites, known)
    checkWindow(report, record)
    checkBucketing(report, record.bucketing, known)
    checkStrictness(report, record)
    checkMetadata(report, record.metadata)
  })
}

/** Finds everything that is wrong with a segment, as `validateFlag` does with a flag. */
export function validateSegment(
  name: string,
  segment: unknown,
  known?: KnownDefinitions,
): readonly FlagFault[] {
  return collectFaults(name, segment, (report, record) => {
    checkFields(report, '', record, ['when', 'description'])
    checkCondition(report, 'when', record.when, checkSegmentReference(known, name))
  })
}

function collectFaults(
  name: string,
  definition: unknown,
  check: (report: FaultReport, record: Readonly<Record<string, unknown>>) => void,
): readonly FlagFault[] {
  const faults: FlagFault[] = []
  const report: FaultReport = (path, reason) => faults.push({ path, reason })
  checkName(report, 'name', name)
  try {
    if (!checkJson(report, definition)) return faults
    if (!isRecord(definition)) {
      report('', `must be an object, received ${describeValue(definition)}`)
      return faults
    }
    const bytes = new TextEncoder().encode(JSON.stringify(definition)).length
    if (bytes > maxDefinitionBytes)
      report('', `must be at most ${maxDefinitionBytes} bytes of JSON, received ${bytes}`)
    const { description = '' } = definition
    if (typeof description !== 'string' || description.length > maxDescriptionCharacters)
      report('description', `must be text of at most ${maxDescriptionCharacters} characters`)
    check(report, definition)
  } catch {
    // A getter threw. What comes from JSON has none.
    report('', 'must be JSON')
  }
  return faults
}

function checkRules(
  report: FaultReport,
  flag: Readonly<Record<string, unknown>>,
  known: KnownDefinitions | undefined,
): void {
  if (flag.rules === undefined) return
  const ids = new Map<string, number>()
  const checkSegment = checkSegmentReference(known)
  checkList(report, 'rules', flag.rules, { max: maxRules }).forEach((rule, i) => {
    const path = `rules[${i}]`
    if (!isRecord(rule)) {
      report(path, `must be a rule, received ${describeValue(rule)}`)
      return
    }
    checkFields(report, path, rule, ['id', 'when', 'variant', 'percentage', 'split'])
    const { id = String(i) } = rule
    if (checkName(report, `${path}.id`, id)) {
      const first = ids.get(id)
      if (first !== undefined)
        report(`${path}.id`, `must not be there twice, is the same as that of rules[${first}]`)
      else ids.set(id, i)
    }
    checkCondition(report, `${path}.when`, rule.when, checkSegment)
    checkServed(report, path, rule, flag)
  })
}

function checkWindow(report: FaultReport, flag: Readonly<Record<string, unknown>>): void {
  const [startsAtMs, endsAtMs] = ['startsAt', 'endsAt'].map((field) => {
    const time = parseTime(flag[field])
    if (flag[field] !== undefined && time === undefined)
      report(field, 'must be ISO 8601 with an offset or Z, such as 2026-11-21T08:00:00Z')
    return time
  })
  if (startsAtMs !== undefined && endsAtMs !== undefined && endsAtMs <= startsAtMs)
    report('endsAt', 'must be after startsAt')
}

function checkStrictness(report: FaultReport, flag: Readonly<Record<string, unknown>>): void {
  const { strict } = flag
  if (strict === undefined) return
  if (!isRecord(strict)) {
    report('strict', `must be an object, received ${describeValue(strict)}`)
    return
  }
  checkFields(report, 'strict', strict, ['withinSeconds', 'otherwise'])
  const { withinSeconds, otherwise } = strict
  if (!(typeof withinSeconds === 'number' && withinSeconds >= 1 && withinSeconds <= 3600))
    report(
      'strict.withinSeconds',
      `must be from 1 to 3600, received ${describeValue(withinSeconds)}`,
    )
  if (otherwise !== undefined)
    checkVariantName(report, 'strict.otherwise', otherwise, readVariantNames(flag))
}

function checkMetadata(report: FaultReport, metadata: unknown): void {
  if (metadata === undefined) return
  if (!isRecord(metadata)) {
    report('metadata', `must be an object, received ${describeValue(metadata)}`)
    return
  }
  for (const [field, value] of Object.entries(metadata)) {
    if (!['undefined', 'boolean', 'string', 'number'].includes(typeof value))
      report(
        `metadata.${field}`,
        `must be true, false, text or a number, received ${describeValue(value)}`,
      )
  }
}
