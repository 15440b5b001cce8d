import type { FlagOperators, TestCompiler } from './condition-operators.ts'
import { getOwn, readEach, readObject, readText, refuse } from './definition-parts.ts'
import type { FlagContext } from './flag-evaluation.ts'

export type CompiledCondition = (context: FlagContext, nowMs: number) => boolean
type AttributeReader = (context: FlagContext, nowMs: number) => unknown

/** What a condition may refer to. */
export interface ConditionSurroundings {
  readonly operators: FlagOperators
  /** Gives the condition of a segment. `undefined`: it is not there, cannot be read, or rests on itself. */
  readonly segments: (name: unknown) => CompiledCondition | undefined
}

/** How deep conditions may be nested, segments in them not counted. */
export const maxConditionDepth = 16

/** Turns a condition into a function, or refuses. */
export function compileCondition(
  condition: unknown,
  surroundings: ConditionSurroundings,
  depth = 1,
): CompiledCondition {
  if (depth > maxConditionDepth) refuse()
  const { all, any, not, segment, attribute, op, value } = readObject(condition)
  const compileInner = (inner: unknown): CompiledCondition =>
    compileCondition(inner, surroundings, depth + 1)
  if (not !== undefined) {
    const inner = compileInner(not)
    return (context, nowMs) => !inner(context, nowMs)
  }
  if (segment !== undefined) return surroundings.segments(segment) ?? refuse()
  const list = all ?? any
  if (list !== undefined) {
    const isAll = all !== undefined
    const inner = readEach(list, compileInner)
    return (context, nowMs) => inner.some((holds) => holds(context, nowMs) !== isAll) !== isAll
  }
  const compileTest = getOwn(surroundings.operators, op as string) as TestCompiler | undefined
  const test = compileTest ? compileTest(value) : refuse()
  const read = compileAttribute(attribute)
  return (context, nowMs) => test(read(context, nowMs))
}

/** Turns the name of an attribute into a function: `userId`, `$now`, `plan`, or `company.plan`, which an attribute of just that name goes before. */
export function compileAttribute(attribute: unknown): AttributeReader {
  const name = readText(attribute)
  if (name === 'userId') return (context) => context.userId
  if (name === '$now') return (_context, nowMs) => nowMs
  const steps = name.split('.')
  return ({ attributes }) => getOwn(attributes, name) ?? steps.reduce<unknown>(getOwn, attributes)
}
