import { maxConditionDepth } from './compile-condition.ts'
import {
  checkDuplicates,
  checkFields,
  checkList,
  checkName,
  describeValue,
  type FaultReport,
  joinPath,
  maxListEntries,
  suggest,
  isRecord,
} from './definition-checks.ts'
import type { FlagOperator } from './flag-definition.ts'
import { parseNetwork } from './ip-network.ts'
import { parseTime } from './iso-time.ts'
import { parseVersion } from './semantic-version.ts'

/** Whether there is such a segment. */
export type SegmentCheck = (report: FaultReport, path: string, name: string) => void

const maxConditions = 1000
const kinds = ['all', 'any', 'not', 'segment', 'op'] as const

/** Reports all that is wrong with a condition. */
export function checkCondition(
  report: FaultReport,
  path: string,
  condition: unknown,
  checkSegment: SegmentCheck,
  depth = 1,
): void {
  if (!isRecord(condition)) {
    report(path, `must be a condition, received ${describeValue(condition)}`)
    return
  }
  if (depth > maxConditionDepth) {
    report(path, `must not be nested deeper than ${maxConditionDepth}`)
    return
  }
  const [kind, otherKind] = kinds.filter((one) => condition[one] !== undefined)
  if (kind === undefined || otherKind !== undefined) {
    checkFields(report, path, condition, [...kinds, 'attribute', 'value'])
    report(
      path,
      `must have one of ${kinds.join(', ')}, received ${kind === undefined ? 'none' : 'several'}`,
    )
    return
  }
  checkFields(report, path, condition, kind === 'op' ? ['attribute', 'op', 'value'] : [kind])
  const at = joinPath(path, kind)
  if (kind === 'op') checkComparison(report, path, condition)
  else if (kind === 'segment') {
    if (checkName(report, at, condition.segment)) checkSegment(report, at, condition.segment)
  } else if (kind === 'not') checkCondition(report, at, condition.not, checkSegment, depth + 1)
  else {
    // An empty `all` would hold for everybody.
    checkList(report, at, condition[kind], { min: 1, max: maxConditions }).forEach((inner, i) => {
      checkCondition(report, `${at}[${i}]`, inner, checkSegment, depth + 1)
    })
  }
}

/** Names of the segments that a condition rests on directly. */
export function findSegments(condition: unknown): readonly string[] {
  if (Array.isArray(condition)) return condition.flatMap(findSegments)
  if (!isRecord(condition)) return []
  const { all, any, not, segment } = condition
  return [
    ...(typeof segment === 'string' ? [segment] : []),
    ...[all, any, not].flatMap((inner) => findSegments(inner)),
  ]
}

export function checkAttribute(report: FaultReport, path: string, attribute: unknown): void {
  if (!checkName(report, path, attribute)) return
  if (attribute.startsWith('$') && attribute !== '$now')
    report(path, 'must be $now where it begins with $')
}

/** Says what is wrong with a value, or nothing. */
type ValueCheck = (report: FaultReport, path: string, value: unknown) => void

function wanting(wanted: string, isWanted: (value: unknown) => boolean): ValueCheck {
  return (report, path, value) => {
    if (!isWanted(value)) report(path, `must be ${wanted}, received ${describeValue(value)}`)
  }
}

/** One, or a list of which one is enough. */
function oneOrMany(check: ValueCheck): ValueCheck {
  return (report, path, value) => {
    if (!Array.isArray(value)) {
      check(report, path, value)
      return
    }
    const list = checkList(report, path, value, { max: maxListEntries })
    list.forEach((entry, i) => {
      check(report, `${path}[${i}]`, entry)
    })
    checkDuplicates(report, path, list)
  }
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checkText = oneOrMany(wanting('text of at least 1 character', isText))
const checkNumber = wanting('a number', Number.isFinite)
const checkVersion = wanting(
  'a version of Semantic Versioning 2.0.0, such as 1.2.3',
  (value) => parseVersion(value) !== undefined,
)
const checkTime = wanting(
  'ISO 8601 with an offset or Z, such as 2026-11-21T08:00:00Z',
  (value) => parseTime(value) !== undefined,
)
const checkValues: Readonly<Record<FlagOperator, ValueCheck>> = {
  eq: wanting(
    'true, false, text or a number',
    (value) => ['boolean', 'string'].includes(typeof value) || Number.isFinite(value),
  ),
  in: (report, path, value) => {
    const list = checkList(report, path, value, { max: maxListEntries })
    const check = wanting(
      'text or a number',
      (entry) => typeof entry === 'string' || Number.isFinite(entry),
    )
    list.forEach((entry, i) => {
      check(report, `${path}[${i}]`, entry)
    })
    checkDuplicates(report, path, list)
  },
  lt: checkNumber,
  lte: checkNumber,
  gt: checkNumber,
  gte: checkNumber,
  starts_with: checkText,
  ends_with: checkText,
  contains: checkText,
  semver_eq: checkVersion,
  semver_lt: checkVersion,
  semver_lte: checkVersion,
  semver_gt: checkVersion,
  semver_gte: checkVersion,
  before: checkTime,
  after: checkTime,
  cidr: oneOrMany(
    wanting(
      'a network such as 10.0.0.0/8 or 2001:db8::/32',
      (value) => typeof value === 'string' && parseNetwork(value) !== undefined,
    ),
  ),
  exists: wanting('true', (value) => value === true),
}

function checkComparison(
  report: FaultReport,
  path: string,
  { attribute, op, value }: Readonly<Record<string, unknown>>,
): void {
  checkAttribute(report, joinPath(path, 'attribute'), attribute)
  if (typeof op === 'string' && Object.hasOwn(checkValues, op)) {
    checkValues[op as FlagOperator](report, joinPath(path, 'value'), value)
    return
  }
  const hint = typeof op === 'string' ? suggest(op, Object.keys(checkValues)) : ''
  report(joinPath(path, 'op'), `must be one of ${Object.keys(checkValues).join(', ')}${hint}`)
}
