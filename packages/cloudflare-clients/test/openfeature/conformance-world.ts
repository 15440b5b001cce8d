import {
  type Client,
  type EvaluationContext,
  type EvaluationDetails,
  type FlagEvaluationOptions,
  type Hook,
  type JsonValue,
  OpenFeature,
  type Provider,
} from '@openfeature/server-sdk'
import type { FlagReader } from '../../src/lib/feature-flags/flag-reader.ts'
import type { FlagContext } from '../../src/lib/feature-flags/flag-evaluation.ts'
import type { FlagSource } from '../../src/lib/feature-flags/openfeature/flag-source.ts'
import { createOpenFeatureProvider } from '../../src/openfeature.ts'
import { createPublishedFlags } from '../support/published-flags.ts'
import { toConformanceFlags } from './conformance-flags.ts'

export type SuiteType = 'boolean' | 'string' | 'integer' | 'float' | 'object'
export interface SuiteFlag {
  readonly type: SuiteType
  readonly key: string
  readonly defaultValue: JsonValue
}

/** What the steps of a scenario know of each other. */
export interface ConformanceWorld {
  client: Client
  flag: SuiteFlag
  details: EvaluationDetails<JsonValue>
  context: EvaluationContext
  options: FlagEvaluationOptions
  /** Contexts by level, of the suite about merging. */
  readonly levels: Map<string, EvaluationContext>
  /** As they were given, to see that nothing changes them. */
  contextBefore: string
  levelOrder: readonly string[]
  /** With which our provider evaluated last. */
  merged: FlagContext
  /** The stages of hooks as they were run: `before one`. */
  readonly stages: { readonly stage: string; readonly details?: EvaluationDetails<JsonValue> }[]
  readonly use: (state: ProviderState) => Promise<void>
  readonly close: () => Promise<void>
}

export type ProviderState = 'stable' | 'not ready' | 'error' | 'fatal' | 'stale'

/** A KV namespace with the suite's flags, a reader, our provider, and the SDK. */
export function createConformanceWorld(domain: string): ConformanceWorld {
  const world: ConformanceWorld = {
    client: OpenFeature.getClient(domain),
    flag: { type: 'boolean', key: '', defaultValue: false },
    details: { flagKey: '', value: null, flagMetadata: {} },
    context: {},
    options: {},
    levels: new Map(),
    contextBefore: '',
    levelOrder: [],
    merged: {},
    stages: [],
    use: async (state) => {
      // The background of most suites has set a stable one already.
      const { reader, clock, publish, injectFault } = createPublishedFlags()
      await publish(toConformanceFlags())
      const provider = createOpenFeatureProvider(observe(reader, world), {
        maxRememberedAnswers: 100,
      })
      switch (state) {
        case 'stable':
          return OpenFeature.setProviderAndWait(domain, provider)
        case 'not ready':
          // KV does not answer, and nobody waits.
          injectFault({ type: 'slow', delayMs: 1e9 })
          OpenFeature.setProvider(domain, provider)
          return
        case 'error':
          injectFault({ type: 'error', status: 500 })
          return expectRejection(domain, provider)
        case 'fatal':
          // What KV would never take, however often it is asked.
          injectFault({ type: 'error', status: 400 })
          return expectRejection(domain, provider)
        case 'stale':
          await OpenFeature.setProviderAndWait(domain, provider)
          injectFault({ type: 'error', status: 500 })
          await clock.advance(3_600_000)
          await world.client.getBooleanValue('boolean-flag', false)
      }
    },
    close: async () => {
      await OpenFeature.clearProviders()
      OpenFeature.setContext({})
      OpenFeature.clearHooks()
    },
  }
  return world
}

async function expectRejection(domain: string, provider: Provider): Promise<void> {
  const outcome = await OpenFeature.setProviderAndWait(domain, provider).then(
    () => 'ready',
    () => 'rejected',
  )
  if (outcome !== 'rejected') throw new Error('The provider was initialized all the same')
}

/** The reader, telling the world with which context it is asked. */
function observe(reader: FlagReader, world: ConformanceWorld): FlagSource {
  return {
    ready: () => reader.ready(),
    getRuleset: () => reader.getRuleset(),
    subscribe: (listener) => reader.subscribe(listener),
    evaluate: (flag, context, defaultValue) => {
      world.merged = context
      return reader.evaluate(flag, context, defaultValue)
    },
  }
}

export async function evaluate(
  { client }: ConformanceWorld,
  { type, key, defaultValue }: SuiteFlag,
  context?: EvaluationContext,
  options?: FlagEvaluationOptions,
): Promise<EvaluationDetails<JsonValue>> {
  switch (type) {
    case 'boolean':
      return client.getBooleanDetails(key, defaultValue as boolean, context, options)
    case 'string':
      return client.getStringDetails(key, defaultValue as string, context, options)
    case 'integer':
    case 'float':
      return client.getNumberDetails(key, defaultValue as number, context, options)
    case 'object':
      return client.getObjectDetails(key, defaultValue, context, options)
  }
}

export function toSuiteType(type: string): SuiteType {
  return type.toLowerCase() as SuiteType
}

/** A value as the suites write it. */
export function parseValue(text: string, type: SuiteType): JsonValue {
  switch (type) {
    case 'boolean':
      return text === 'true'
    case 'string':
      return text
    case 'integer':
    case 'float':
      return Number(text)
    case 'object':
      return JSON.parse(text.replaceAll('\\"', '"')) as JsonValue
  }
}

/** Writes down its stages. */
export function createSpyHook(name: string, { stages }: ConformanceWorld): Hook {
  return {
    before: () => {
      stages.push({ stage: `before ${name}` })
    },
    after: (_context, details) => {
      stages.push({ stage: `after ${name}`, details: details })
    },
    error: () => {
      stages.push({ stage: `error ${name}` })
    },
    finally: (_context, details) => {
      stages.push({ stage: `finally ${name}`, details: details })
    },
  }
}
