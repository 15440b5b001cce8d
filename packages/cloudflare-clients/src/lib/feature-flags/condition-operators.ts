import { readEach, readText, refuse } from './definition-parts.ts'
import { parseTime } from './iso-time.ts'

/** Turns the value of a comparison into a test of attributes, or throws where it is none of the operator's. */
export type TestCompiler = (value: unknown) => (attribute: unknown) => boolean
export type FlagOperators = Readonly<Record<string, TestCompiler>>

/** Of a value, or a list of values, one is enough. An attribute that cannot be parsed meets none. */
export function byAny<A, V>(
  parse: (attribute: unknown) => A | undefined,
  read: (value: unknown) => V,
  test: (attribute: A, value: V) => boolean,
): TestCompiler {
  return (value) => {
    const values = Array.isArray(value) ? value.map(read) : [read(value)]
    return (attribute) => {
      const parsed = parse(attribute)
      return parsed !== undefined && values.some((one) => test(parsed, one))
    }
  }
}

/** `eq`, `lt`, `lte`, `gt` and `gte`, by how a value is parsed, and compared to another. */
export function byOrder<T>(
  parse: (value: unknown) => T | undefined,
  compare: (a: T, b: T) => number,
): Readonly<Record<'eq' | 'lt' | 'lte' | 'gt' | 'gte', TestCompiler>> {
  const when = (accept: (order: number) => boolean): TestCompiler =>
    byAny(
      parse,
      (value) => parse(value) ?? refuse(),
      (attribute, value) => accept(compare(attribute, value)),
    )
  return {
    eq: when((order) => order === 0),
    lt: when((order) => order < 0),
    lte: when((order) => order <= 0),
    gt: when((order) => order > 0),
    gte: when((order) => order >= 0),
  }
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function toNumber(value: unknown): number | undefined {
  return Number.isFinite(value) ? (value as number) : undefined
}

function subtract(a: number, b: number): number {
  return a - b
}

const byTime = byOrder((value) => parseTime(value) ?? toNumber(value), subtract)

export const builtInOperators: FlagOperators = {
  in: (value) => {
    const values = new Set(readEach(value, (one) => one))
    return (attribute) =>
      Array.isArray(attribute) ? attribute.some((one) => values.has(one)) : values.has(attribute)
  },
  ...byOrder(toNumber, subtract),
  // Of all types, unlike the one that it takes the place of.
  eq: (value) => (attribute) => attribute === value,
  starts_with: byAny(toText, readText, (attribute, text) => attribute.startsWith(text)),
  ends_with: byAny(toText, readText, (attribute, text) => attribute.endsWith(text)),
  contains: byAny(
    (attribute) => (Array.isArray(attribute) ? (attribute as unknown[]) : toText(attribute)),
    readText,
    (attribute, text) => attribute.includes(text),
  ),
  before: byTime.lt,
  after: byTime.gt,
  exists: (value) =>
    value === true ? (attribute) => attribute !== undefined && attribute !== null : refuse(),
}
