import type { FlagComparison, FlagCondition, FlagOperator } from '../flag-definition.ts'
import { parseTime } from '../iso-time.ts'
import { cannot } from './flagd-document.ts'

/** JSONLogic. */
export type Logic = unknown

export const targetingKey = { var: 'targetingKey' }
const timestamp = { var: '$flagd.timestamp' }
const orders = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const
const versionSymbols: Readonly<Partial<Record<FlagOperator, string>>> = {
  semver_eq: '=',
  semver_lt: '<',
  semver_lte: '<=',
  semver_gt: '>',
  semver_gte: '>=',
}

/** Turns a condition into JSONLogic that holds for the same users. */
export function toLogic(condition: FlagCondition, path: string): Logic {
  if ('all' in condition) return join('and', condition.all, `${path}.all`)
  if ('any' in condition) return join('or', condition.any, `${path}.any`)
  if ('not' in condition) return { '!': [toLogic(condition.not, `${path}.not`)] }
  if ('segment' in condition) return toReference(condition.segment, `${path}.segment`)
  return toComparisonLogic(condition, path)
}

function join(operator: 'and' | 'or', conditions: readonly FlagCondition[], path: string): Logic {
  const logic = conditions.map((condition, i) => toLogic(condition, `${path}[${i}]`))
  return logic.length === 0 ? operator === 'and' : { [operator]: logic }
}

function toReference(name: string, path: string): Logic {
  // flagd looks for the text as it would stand without escapes.
  if (JSON.stringify(name) !== `"${name}"`) return cannot(path, 'must be a name without escapes')
  return { $ref: name }
}

function toComparisonLogic({ attribute, op, value }: FlagComparison, path: string): Logic {
  if (attribute === '$now') return toTimeLogic(op, value, path)
  const variable = toVariable(attribute, `${path}.attribute`)
  const texts = Array.isArray(value) ? (value as readonly unknown[]) : [value]
  const anyText = (toTest: (text: unknown) => Logic): Logic => ({ or: texts.map(toTest) })
  switch (op) {
    case 'eq':
      return { '===': [variable, value] }
    case 'exists':
      return { '!==': [variable, null] }
    case 'in':
      return { in: [variable, value] }
    case 'contains':
      return anyText((text) => ({ in: [text, variable] }))
    case 'starts_with':
    case 'ends_with':
      return anyText((text) => ({ [op]: [variable, text] }))
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      // What is no number is 0 or 1 to JSONLogic, and nothing here.
      return {
        and: [
          ...[null, '', true, false].map((none) => ({ '!==': [variable, none] })),
          { [orders[op]]: [variable, value] },
        ],
      }
    case 'semver_eq':
    case 'semver_lt':
    case 'semver_lte':
    case 'semver_gt':
    case 'semver_gte':
      return { sem_ver: [variable, versionSymbols[op], value] }
    case 'before':
    case 'after':
    case 'cidr':
      return cannot(`${path}.op`, 'is an operator that flagd does not have')
  }
}

/** @throws For names that mean something else to flagd. */
export function toVariable(attribute: string, path: string): Logic {
  if (attribute === 'userId') return targetingKey
  if (attribute === 'targetingKey' || attribute.startsWith('$flagd'))
    return cannot(path, 'is a name that flagd has for something else')
  return { var: attribute }
}

/** flagd's clock has whole seconds. */
function toTimeLogic(op: FlagOperator, value: unknown, path: string): Logic {
  if (op === 'exists') return true
  const atMs = typeof value === 'number' ? value : parseTime(value)
  const isBefore = op === 'lt' || op === 'before'
  if (atMs === undefined || !(isBefore || op === 'gte' || op === 'after'))
    return cannot(path, 'must compare the time by lt, gte, before or after')
  const begun = toTimeReached(atMs, path)
  return isBefore ? { '!': [begun] } : begun
}

export function toTimeReached(atMs: number, path: string): Logic {
  if (atMs % 1000 !== 0) return cannot(path, 'must be a whole second')
  return { '>=': [timestamp, atMs / 1000] }
}
