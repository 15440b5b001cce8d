import { FlagdCore } from '@openfeature/flagd-core'
import { expect } from 'vitest'
import { compileRuleset } from '../../src/lib/feature-flags/compile-ruleset.ts'
import type { FlagDefinition, FlagSegment } from '../../src/lib/feature-flags/flag-definition.ts'
import { murmur3Bucketing } from '../../src/lib/feature-flags/murmur3-bucketing.ts'
import { semverOperators } from '../../src/lib/feature-flags/semver-operators.ts'
import { toRuleset } from './published-flags.ts'

export type Context = Readonly<Record<string, unknown>>

export const silent = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
}

/** flagd's own evaluation, as a reference. */
export function createReference(document: unknown) {
  const core = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: true })
  core.setConfigurations(JSON.stringify(document))
  return (context: Context, byDefault: unknown) =>
    core.resolve(
      typeof byDefault as 'string',
      'f',
      byDefault as string,
      context as Record<string, string>,
    )
}

/** Ours, of the flag `f`. */
export function createEvaluation(
  flags: Readonly<Record<string, FlagDefinition>>,
  segments: Readonly<Record<string, FlagSegment>> = {},
) {
  const faults: unknown[] = []
  const compiled = compileRuleset(toRuleset(flags, segments), {
    algorithms: [murmur3Bucketing],
    operators: [semverOperators],
    onFault: (target) => faults.push(target),
  })
  expect(faults).toEqual([])
  return (context: Context, byDefault: unknown = 'default', nowMs = Date.now()) => {
    const { targetingKey, ...attributes } = context
    const user = targetingKey === undefined ? {} : { userId: targetingKey as string }
    return compiled.evaluate('f', { ...user, attributes }, byDefault as string, nowMs)
  }
}
