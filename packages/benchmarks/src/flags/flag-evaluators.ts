import { FlagReader, type FlagRuleset } from '@codex/cloudflare-clients/feature-flags'
import { GrowthBookClient } from '@growthbook/growthbook'
import type { Logger } from '@openfeature/core'
import { FlagdCore, MemoryStorage } from '@openfeature/flagd-core'
import type { EvaluationCase, EvaluationUser } from './evaluation-cases.ts'

/** Evaluates the flag of one case. */
export interface FlagEvaluator {
  /** Whether a user gets `true`, by the call that gives an answer with its reason. */
  evaluate(user: number): boolean
}

const flagName = 'new-checkout'

/** What evaluates flags in the process, by the names in the tables. The users of the case are put into everybody's form before. */
export const flagEvaluators = {
  codex: ({ ours, users }: EvaluationCase): FlagEvaluator => {
    const ruleset: FlagRuleset = {
      format: 1,
      version: 1,
      changedAtMs: 0,
      flags: { [flagName]: { ...ours, version: 1 } },
    }
    const reader = new FlagReader(emptyKv, {
      bootstrap: ruleset,
      // Nothing is loaded while it is measured.
      freshSeconds: 1_000_000,
      onEvent: ({ type }) => {
        throw new Error(`Unexpected event: ${type}`)
      },
    })
    const contexts = users.map(({ id, attributes }) => ({ userId: id, attributes }))
    return { evaluate: (user) => reader.evaluate(flagName, contexts[user] ?? {}, false).value }
  },
  'flagd-core': (one: EvaluationCase): FlagEvaluator => createFlagd(one, false),
  'flagd-core, no code generation': (one: EvaluationCase): FlagEvaluator => createFlagd(one, true),
  GrowthBook: ({ growthBook, users }: EvaluationCase): FlagEvaluator => {
    const client = new GrowthBookClient().initSync({
      payload: { features: { [flagName]: growthBook } },
    })
    const contexts = users.map(({ id, attributes }) => ({
      attributes: { id, now: Date.now(), ...attributes },
    }))
    return {
      evaluate: (user) =>
        client.evalFeature(flagName, contexts[user] ?? { attributes: {} }).value === true,
    }
  },
} as const satisfies Readonly<Record<string, (one: EvaluationCase) => FlagEvaluator>>

export type EvaluatorName = keyof typeof flagEvaluators

const emptyKv = { get: () => Promise.resolve(null) } as unknown as KVNamespace

function createFlagd(
  { flagd, users }: EvaluationCase,
  disableDynamicCodeGeneration: boolean,
): FlagEvaluator {
  const options = { disableDynamicCodeGeneration }
  const core = new FlagdCore(new MemoryStorage(silent, options), silent, options)
  const flag = {
    state: 'ENABLED',
    variants: { on: true, off: false },
    defaultVariant: flagd === undefined ? 'on' : 'off',
    ...(flagd !== undefined && { targeting: flagd }),
  }
  core.setConfigurations(JSON.stringify({ flags: { [flagName]: flag } }))
  const contexts = users.map(({ id, attributes }: EvaluationUser) => ({
    targetingKey: id,
    ...attributes,
  }))
  return {
    evaluate: (user) => core.resolveBooleanEvaluation(flagName, false, contexts[user]).value,
  }
}

const ignore = (): void => undefined
const silent: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore }
