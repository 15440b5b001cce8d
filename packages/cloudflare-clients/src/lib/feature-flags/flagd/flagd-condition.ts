import type { FlagComparison, FlagCondition, FlagOperator } from '../flag-definition.ts'
import { cannot } from './flagd-document.ts'

/** A condition, or what it always comes to. */
export type Condition = FlagCondition | boolean

/** Each doubles what comes of it. */
const maxChoices = 6

/** What a rule may refer to. */
export interface RuleScope {
  /** How many choices it is in that are written out. */
  readonly choices?: number
  /** Absent in an evaluator, which is many flags'. */
  readonly flagKey?: string
  /** Gives the segment of an evaluator, or refuses. */
  readonly toSegment: (name: string, path: string) => FlagCondition
  /** Gives the evaluator's own rule, to stand where it is referred to. */
  readonly toRule: (
    name: string,
    path: string,
  ) => { readonly rule: unknown; readonly scope: RuleScope }
}

export type Operand =
  | { readonly kind: 'attribute'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: unknown }
  /** In whole seconds. */
  | { readonly kind: 'timestamp' }

const flipped: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }
const numberOperators: Readonly<Record<string, FlagOperator>> = {
  '<': 'lt',
  '<=': 'lte',
  '>': 'gt',
  '>=': 'gte',
}

/**
 * Turns JSONLogic in the place of a condition into one of ours.
 *
 * JSONLogic converts what it compares: `0`, `""`, `false` and `null` are alike to it. That is carried over for all of them. What is not is a number
 * written in any other way, such as `"1.0"`, and a list or an object in the place of a single value.
 */
export function toCondition(logic: unknown, path: string, scope: RuleScope): Condition {
  if (!isRule(logic)) return isTruthy(logic)
  const [operator, operands] = readRule(logic, path)
  const at = `${path}.${operator}`
  const toInner = (index: number): Condition =>
    toCondition(operands[index], `${at}[${index}]`, scope)
  switch (operator) {
    case 'and':
      return all(operands.map((_, index) => toInner(index)))
    case 'or':
      return any(operands.map((_, index) => toInner(index)))
    case '!':
      return not(toInner(0))
    case '!!':
      return toInner(0)
    case 'if':
      return toChoice(operands, at, scope)
    case '$ref':
      return scope.toSegment(String(operands[0]), path)
    case 'var':
      return toTruth(toOperand(logic, path, scope))
    default:
      return toComparison(operator, operands, at, scope)
  }
}

/** `if` in the place of a condition: `[condition, then, condition, then, …, else]`. */
function toChoice(operands: readonly unknown[], path: string, outer: RuleScope): Condition {
  const scope = toInnerScope(outer, path)
  const [condition, then, ...others] = operands.map((operand, index) =>
    toCondition(operand, `${path}[${index}]`, scope),
  )
  if (condition === undefined || then === undefined)
    return cannot(path, 'must have two operands at least')
  const otherwise =
    others.length > 1 ? toChoice(operands.slice(2), path, scope) : (others[0] ?? false)
  return any([all([condition, then]), all([not(condition), otherwise])])
}

/** The scope of what is inside of a choice that is written out. */
export function toInnerScope<T extends RuleScope>(scope: T, path: string): T {
  const { choices = 0 } = scope
  if (choices === maxChoices) return cannot(path, `must not be in more than ${maxChoices} others`)
  return { ...scope, choices: choices + 1 }
}

function toComparison(
  operator: string,
  operands: readonly unknown[],
  path: string,
  scope: RuleScope,
): Condition {
  const [left, middle, right] = operands.map((operand, index) =>
    toOperand(operand, `${path}[${index}]`, scope),
  )
  if (left === undefined || middle === undefined)
    return cannot(path, 'must have two operands at least')
  switch (operator) {
    case '==':
    case '===':
      return toEquality(left, middle, operator === '===', path)
    case '!=':
    case '!==':
      return not(toEquality(left, middle, operator === '!==', path))
    case '<':
    case '<=':
      // With three operands: between.
      return right === undefined
        ? toOrder(operator, left, middle, path)
        : all([toOrder(operator, left, middle, path), toOrder(operator, middle, right, path)])
    case '>':
    case '>=':
      return toOrder(operator, left, middle, path)
    case 'in':
      return toMembership(left, middle, path)
    case 'starts_with':
    case 'ends_with':
      return toTextTest(needAttribute(left, path), operator, needText(middle, path))
    case 'sem_ver':
      return right === undefined
        ? cannot(path, 'must have three operands')
        : toVersionTest(left, middle, right, path)
    default:
      return cannot(path, 'is an operation that flags here do not have')
  }
}

/** Every text begins and ends with an empty one. */
function toTextTest(attribute: string, op: 'starts_with' | 'ends_with', text: string): Condition {
  return text === '' ? isText(attribute) : compare(attribute, op, text)
}

/** What is there, and no boolean and no number. */
export function isText(attribute: string): Condition {
  const isThere = compare(attribute, 'exists', true)
  if (attribute === 'userId') return isThere
  const isNumber = [compare(attribute, 'lt', 0), compare(attribute, 'gte', 0)]
  return all([isThere, not(any([isOneOf(attribute, [true, false]), ...isNumber]))])
}

function toEquality(left: Operand, right: Operand, isStrict: boolean, path: string): Condition {
  if (left.kind === 'constant' && right.kind === 'constant') return left.value === right.value
  const [operand, constant] = left.kind === 'constant' ? [right, left] : [left, right]
  const attribute = needAttribute(operand, path)
  const value = needConstant(constant, path)
  const isAbsent = not(compare(attribute, 'exists', true))
  if (value === null) return isStrict ? isAbsent : any([isAbsent, isOneOf(attribute, [0, false])])
  if (!['boolean', 'string', 'number'].includes(typeof value))
    return cannot(path, 'must compare with a text, a number or a boolean')
  if (isStrict || (attribute === 'userId' && typeof value === 'string'))
    return isOneOf(attribute, [value])
  const number = Number(value)
  const isText = typeof value === 'string'
  const alike = [value, number, ...(isText ? [] : [String(number)])]
  if (number === 1) alike.push(true)
  if (number === 0) alike.push(false, ...(isText ? [] : ['']))
  return any([isOneOf(attribute, alike), number === 0 && !isText ? isAbsent : false])
}

function isOneOf(attribute: string, values: readonly unknown[]): Condition {
  const known = values.filter((value) => !Number.isNaN(value))
  return any([...new Set(known)].map((value) => compare(attribute, 'eq', value)))
}

function toOrder(operator: string, left: Operand, right: Operand, path: string): Condition {
  if (left.kind === 'constant') return toOrder(flipped[operator] ?? '', right, left, path)
  const bound = needConstant(right, path)
  if (typeof bound !== 'number') return cannot(path, 'must be compared with a number')
  const op = numberOperators[operator] ?? cannot(path, 'must be an order')
  if (left.kind === 'timestamp') return toTimeTest(op, bound)
  const attribute = needAttribute(left, path)
  // To JSONLogic nothing is 0.
  const alike = [true, false, ''].filter((value) => holds(op, Number(value), bound))
  return any([
    compare(attribute, op, bound),
    ...alike.map((value) => compare(attribute, 'eq', value)),
    ...(holds(op, 0, bound) ? [not(compare(attribute, 'exists', true))] : []),
  ])
}

function holds(op: FlagOperator, a: number, b: number): boolean {
  if (op === 'lt') return a < b
  if (op === 'lte') return a <= b
  return op === 'gt' ? a > b : a >= b
}

/** flagd's clock has whole seconds, ours has milliseconds. */
function toTimeTest(op: FlagOperator, seconds: number): Condition {
  const next = op === 'lte' || op === 'gt' ? Math.floor(seconds) + 1 : Math.ceil(seconds)
  return compare('$now', op === 'lt' || op === 'lte' ? 'lt' : 'gte', next * 1000)
}

function toMembership(left: Operand, right: Operand, path: string): Condition {
  if (right.kind !== 'constant') {
    const text = needText(left, path)
    if (text === '') return cannot(path, 'must not look for an empty text')
    return compare(needAttribute(right, path), 'contains', text)
  }
  const values = right.value
  if (!Array.isArray(values)) return cannot(path, 'must be in a list')
  const isKnown = (value: unknown): boolean =>
    ['boolean', 'string', 'number'].includes(typeof value)
  if (!values.every(isKnown))
    return cannot(path, 'must be in a list of texts, numbers and booleans')
  const attribute = needAttribute(left, path)
  const listed = [...new Set(values)].filter((value) => typeof value !== 'boolean')
  return any([
    ...(listed.length > 0 ? [compare(attribute, 'in', listed)] : []),
    ...values
      .filter((value) => typeof value === 'boolean')
      .map((value) => compare(attribute, 'eq', value)),
  ])
}

function toVersionTest(left: Operand, middle: Operand, right: Operand, path: string): Condition {
  const symbol = needText(middle, path)
  if (left.kind === 'constant')
    return toVersionTest(right, { kind: 'constant', value: flipped[symbol] ?? symbol }, left, path)
  const attribute = needAttribute(left, path)
  const version = toVersion(needConstant(right, path), path)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const test = (op: FlagOperator, value = version): Condition => compare(attribute, op, value)
  switch (symbol) {
    case '=':
      return test('semver_eq')
    case '!=':
      return any([test('semver_lt'), test('semver_gt')])
    case '<':
      return test('semver_lt')
    case '<=':
      return test('semver_lte')
    case '>':
      return test('semver_gt')
    case '>=':
      return test('semver_gte')
    // `-0` is the lowest of all that begin so.
    case '^':
      return all([test('semver_gte', `${major}.0.0-0`), test('semver_lt', `${major + 1}.0.0-0`)])
    case '~':
      return all([
        test('semver_gte', `${major}.${minor}.0-0`),
        test('semver_lt', `${major}.${minor + 1}.0-0`),
      ])
    default:
      return cannot(path, 'must be one of =, !=, <, <=, >, >=, ^ and ~')
  }
}

/** As flagd reads one: `v1.2.3`, `1.2` and `1` are versions to it. */
function toVersion(value: unknown, path: string): string {
  const text = String(value).replace(/^v/i, '')
  if (/^\d+$/.test(text)) return `${text}.0.0`
  if (/^\d+\.\d+$/.test(text)) return `${text}.0`
  return /^\d+\.\d+\.\d+(?:[-+].*)?$/.test(text) ? text : cannot(path, 'must be a version')
}

/** Anything but nothing, `false`, `0` and `""`. */
function toTruth(operand: Operand): Condition {
  if (operand.kind === 'constant') return isTruthy(operand.value)
  if (operand.kind === 'timestamp') return true
  return all([compare(operand.name, 'exists', true), not(isOneOf(operand.name, [false, 0, '']))])
}

export function toOperand(logic: unknown, path: string, scope: RuleScope): Operand {
  if (!isRule(logic)) return { kind: 'constant', value: logic }
  const [operator, [name, ...byDefault]] = readRule(logic, path)
  if (operator !== 'var') return cannot(path, 'must be an attribute or a constant')
  if (byDefault.length > 0) return cannot(path, 'must be an attribute without a default')
  if (typeof name !== 'string' || name === '')
    return cannot(path, 'must be the name of an attribute')
  if (name === '$flagd.timestamp') return { kind: 'timestamp' }
  if (name === '$flagd.flagKey')
    return scope.flagKey === undefined
      ? cannot(path, 'must not depend on the flag in an evaluator')
      : { kind: 'constant', value: scope.flagKey }
  if (name === 'targetingKey') return { kind: 'attribute', name: 'userId' }
  // Here these are the user and the time.
  if (name === 'userId' || name === '$now') return cannot(path, `must not be named ${name}`)
  return { kind: 'attribute', name }
}

/** A rule is an object of one operation; everything else is a constant. */
export function isRule(logic: unknown): logic is Readonly<Record<string, unknown>> {
  return typeof logic === 'object' && logic !== null && !Array.isArray(logic)
}

/** @returns The operation, and what it works on: one operand may stand without its list. */
export function readRule(
  logic: Readonly<Record<string, unknown>>,
  path: string,
): readonly [operator: string, operands: readonly unknown[]] {
  const [entry, ...others] = Object.entries(logic)
  if (entry === undefined || others.length > 0)
    return cannot(path, 'must be an object of one operation')
  const [operator, operands] = entry
  return [operator, Array.isArray(operands) ? operands : [operands]]
}

function isTruthy(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}

function needAttribute(operand: Operand, path: string): string {
  return operand.kind === 'attribute'
    ? operand.name
    : cannot(path, 'must compare an attribute with a constant')
}

function needConstant(operand: Operand, path: string): unknown {
  return operand.kind === 'constant'
    ? operand.value
    : cannot(path, 'must compare an attribute with a constant')
}

function needText(operand: Operand, path: string): string {
  const value = needConstant(operand, path)
  return typeof value === 'string' ? value : cannot(path, 'must be a text')
}

export function compare(attribute: string, op: FlagOperator, value: unknown): FlagComparison {
  return { attribute, op, value }
}

export function all(conditions: readonly Condition[]): Condition {
  const open = conditions.filter((condition) => condition !== true)
  if (open.includes(false)) return false
  const [first, ...others] = open as FlagCondition[]
  if (first === undefined) return true
  return others.length === 0 ? first : { all: [first, ...others] }
}

export function any(conditions: readonly Condition[]): Condition {
  const open = conditions.filter((condition) => condition !== false)
  if (open.includes(true)) return true
  const [first, ...others] = open as FlagCondition[]
  if (first === undefined) return false
  return others.length === 0 ? first : { any: [first, ...others] }
}

export function not(condition: Condition): Condition {
  if (typeof condition === 'boolean') return !condition
  return 'not' in condition ? condition.not : { not: condition }
}

const always: FlagCondition = { attribute: '$now', op: 'exists', value: true }

/** What always holds, or never, as a condition. */
export function toWhole(condition: Condition): FlagCondition {
  if (typeof condition !== 'boolean') return condition
  return condition ? always : { not: always }
}
