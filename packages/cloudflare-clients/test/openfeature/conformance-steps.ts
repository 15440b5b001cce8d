import {
  AsyncLocalStorageTransactionContextPropagator,
  OpenFeature,
  type EvaluationContext,
  type JsonValue,
} from '@openfeature/server-sdk'
import { expect } from 'vitest'
import {
  type ConformanceWorld,
  createSpyHook,
  evaluate,
  parseValue,
  type ProviderState,
  toSuiteType,
} from './conformance-world.ts'
import type { StepTable } from './gherkin.ts'

const typedFlag = String.raw`an? (\w+)-flag with key "([^"]+)" and a fallback value "(.*)"`

/** The steps of evaluation_v2.feature, hooks.feature, metadata.feature and contextMerging.feature. */
export const steps: StepTable<ConformanceWorld> = [
  [
    /^an? (stable|not ready|error|fatal|stale) provider$/,
    (world, [state]) => world.use(state as ProviderState),
  ],
  [/^a stable provider with retrievable context is registered$/, (world) => world.use('stable')],
  [
    new RegExp(`^${typedFlag}$`),
    (world, [name = '', key = '', text = '']) => {
      const type = toSuiteType(name)
      world.flag = { type, key, defaultValue: parseValue(text, type) }
    },
  ],
  [
    /^a context containing a key "(\w+)", with type "(\w+)" and with value "(.*)"$/,
    (world, [key = '', type = '', text = '']) => {
      world.context = { ...world.context, [key]: parseValue(text, toSuiteType(type)) }
    },
  ],
  [
    /^a context containing a key "(\w+)" with null value$/,
    (world, [key = '']) => {
      world.context = { ...world.context, [key]: null }
    },
  ],
  [
    /^the flag was evaluated with details$/,
    async (world) => {
      world.details = await evaluate(world, world.flag, world.context)
    },
  ],

  [
    /^the resolved details value should be "(.*)"$/,
    ({ details, flag }, [text = '']) => {
      expect(details.value).toEqual(parseValue(text, flag.type))
    },
  ],
  [
    /^the reason should be "(\w+)"$/,
    ({ details }, [reason]) => {
      expect(details.reason).toBe(reason)
    },
  ],
  [
    /^the error-code should be "(\w+)"$/,
    ({ details }, [code]) => {
      expect(details.errorCode).toBe(code)
    },
  ],
  [
    /^the flag key should be "(.+)"$/,
    ({ details }, [key]) => {
      expect(details.flagKey).toBe(key)
    },
  ],
  [
    /^the variant should be "(\w+)"$/,
    ({ details }, [variant]) => {
      expect(details.variant).toBe(variant)
    },
  ],
  [
    /^the provider status should be "(\w+)"$/,
    ({ client }, [status]) => {
      expect(client.providerStatus).toBe(status)
    },
  ],
  [
    /^the resolved metadata should contain$/,
    ({ details }, _captured, [, ...rows]) => {
      const wanted = rows.map(([key = '', type = '', text = '']) => [
        key,
        parseValue(text, toSuiteType(type)),
      ])
      expect(details.flagMetadata).toEqual(Object.fromEntries(wanted))
    },
  ],
  [
    /^the resolved metadata is empty$/,
    ({ details }) => {
      expect(details.flagMetadata).toEqual({})
    },
  ],

  // Hooks
  [
    /^a client with added hook$/,
    (world) => {
      world.client.addHooks(createSpyHook('one', world))
    },
  ],
  [
    /^the "(\w+)" hook should have been executed$/,
    ({ stages }, [stage = '']) => {
      expect(stages.map((one) => one.stage)).toContain(`${stage} one`)
    },
  ],
  [
    /^the "([\w, ]+)" hooks should be called with evaluation details$/,
    ({ stages }, [names = ''], [, ...rows]) => {
      for (const name of names.split(', ')) {
        const details = stages.find(({ stage }) => stage === `${name} one`)?.details
        const told: Readonly<Record<string, unknown>> = {
          flag_key: details?.flagKey,
          value: details?.value,
          variant: details?.variant,
          reason: details?.reason,
          error_code: details?.errorCode,
        }
        for (const [type = '', key = '', text = ''] of rows)
          expect(told[key] ?? 'null', `${name} ${key}`).toBe(
            text === 'null' ? text : parseValue(text, toSuiteType(type)),
          )
      }
    },
  ],
  [
    /^evaluation options containing specific hooks$/,
    (world) => {
      world.options = { hooks: ['one', 'two'].map((name) => createSpyHook(name, world)) }
    },
  ],
  [
    /^the flag was evaluated with details using the evaluation options$/,
    async (world) => {
      world.details = await evaluate(world, world.flag, world.context, world.options)
    },
  ],
  [
    /^the specified hooks should execute during evaluation$/,
    ({ stages }) => {
      expect(new Set(stages.map(({ stage }) => stage))).toEqual(
        new Set(
          ['before', 'after', 'finally'].flatMap((stage) => [`${stage} one`, `${stage} two`]),
        ),
      )
    },
  ],
  [
    /^the hook order should be maintained$/,
    ({ stages }) => {
      expect(stages.map(({ stage }) => stage)).toEqual([
        'before one',
        'before two',
        'after two',
        'after one',
        'finally two',
        'finally one',
      ])
    },
  ],

  // Immutability, and asynchronously
  [
    /^an evaluation context with modifiable data$/,
    (world) => {
      world.context = { email: 'a@example.com', list: ['a'], inner: { day: new Date(0) } }
      world.contextBefore = JSON.stringify(world.context)
    },
  ],
  [
    /^the original evaluation context should remain unmodified$/,
    ({ context, contextBefore }) => {
      expect(JSON.stringify(context)).toBe(contextBefore)
      expect(Object.isFrozen(context)).toBe(false)
    },
  ],
  [
    /^the evaluation details should be immutable$/,
    ({ details }) => {
      expect(Object.isFrozen(details.flagMetadata)).toBe(true)
    },
  ],
  [
    /^the flag was evaluated with details asynchronously$/,
    async (world) => {
      const evaluating = evaluate(world, world.flag, world.context)
      world.stages.push({ stage: 'went on' })
      world.details = await evaluating
      world.stages.push({ stage: 'evaluated' })
    },
  ],
  [
    /^the evaluation should complete without blocking$/,
    ({ stages }) => {
      expect(stages.map(({ stage }) => stage)).toEqual(['went on', 'evaluated'])
    },
  ],

  // Merging of contexts
  [
    /^A context entry with key "(.+)" and value "(.+)" is added to the "(.+)" level$/,
    ({ levels }, [key = '', value = '', level = '']) => {
      levels.set(level, { ...levels.get(level), [key]: value })
    },
  ],
  [
    /^A table with levels of increasing precedence$/,
    (world, _captured, rows) => {
      world.levelOrder = rows.flat()
    },
  ],
  [
    /^Context entries for each level from API level down to the "(.+)" level, with key "(.+)" and value "(.+)"$/,
    ({ levels, levelOrder }, [last = '', key = '', value = '']) => {
      // Those above have another value, which must not win.
      for (const level of levelOrder.slice(0, levelOrder.indexOf(last)))
        levels.set(level, { [key]: `not ${value}` })
      levels.set(last, { [key]: value })
    },
  ],
  [/^Some flag was evaluated$/, evaluateOnLevels],
  [
    /^The merged context contains an entry with key "(.+)" and value "(.+)"$/,
    ({ merged }, [key = '', value]) => {
      expect(merged.attributes?.[key]).toBe(value)
    },
  ],
]

async function evaluateOnLevels(world: ConformanceWorld): Promise<void> {
  const { client, levels } = world
  const at = (level: string): EvaluationContext => levels.get(level) ?? {}
  OpenFeature.setTransactionContextPropagator(new AsyncLocalStorageTransactionContextPropagator())
  OpenFeature.setContext(at('API'))
  client.setContext(at('Client'))
  const hooks = levels.has('Before Hooks') ? [{ before: () => at('Before Hooks') }] : []
  const flag = { type: 'boolean', key: 'boolean-flag', defaultValue: false } as const
  await new Promise<void>((resolve, reject) => {
    OpenFeature.setTransactionContext(at('Transaction'), () => {
      evaluate(world, flag, at('Invocation'), { hooks }).then(() => {
        resolve()
      }, reject)
    })
  })
}

const articles = String.raw`an? (?:non-existent )?(\w+) flag with key "([^"]+)"`

/** The steps of evaluation.feature, which is deprecated and says the same in other words. */
export const deprecatedSteps: StepTable<ConformanceWorld> = [
  [/^a stable provider$/, (world) => world.use('stable')],
  [
    new RegExp(
      `^${articles} is evaluated (?:with details and|with)(?: a)? (?:default value|null default value|fallback value)(?: "?([^"]*)"?)?$`,
    ),
    evaluateDeprecated,
  ],
  [
    /^a string flag with key "([^"]+)" is evaluated as an integer, with details and a fallback value (\d+)$/,
    (world, [key = '', text = '']) => evaluateDeprecated(world, ['integer', key, text]),
  ],
  [
    /^context contains keys "(\w+)", "(\w+)", "(\w+)", "(\w+)" with values "(.+)", "(.+)", (\d+), "(\w+)"$/,
    (world, [a = '', b = '', c = '', d = '', ...values]) => {
      const [first = '', second = '', third, fourth] = values
      world.context = { [a]: first, [b]: second, [c]: Number(third), [d]: fourth === 'true' }
    },
  ],
  [
    /^a flag with key "([^"]+)" is evaluated with default value "(.+)"$/,
    (world, [key = '', text = '']) => evaluateDeprecated(world, ['string', key, text]),
  ],
  [
    /^the resolved (boolean|string|integer|float) (?:details )?value should be "?([^",]*)"?(?:, the variant should be "(\w+)", and the reason should be "(\w+)")?$/,
    ({ details }, [type = '', text = '', variant, reason]) => {
      expect(details.value).toBe(parseValue(text, toSuiteType(type)))
      if (variant !== undefined) expect(details).toMatchObject({ variant, reason })
    },
  ],
  [
    /^the resolved object (?:details )?value should be contain fields "(\w+)", "(\w+)", and "(\w+)", with values "(\w+)", "(.+)" and (\d+), respectively$/,
    ({ details }, [a = '', b = '', c = '', first, second, third]) => {
      expect(details.value).toEqual({ [a]: first === 'true', [b]: second, [c]: Number(third) })
    },
  ],
  [
    /^the variant should be "(\w+)", and the reason should be "(\w+)"$/,
    ({ details }, [variant, reason]) => {
      expect(details).toMatchObject({ variant, reason })
    },
  ],
  [
    /^the resolved string response should be "(.+)"$/,
    ({ details }, [text]) => {
      expect(details.value).toBe(text)
    },
  ],
  [
    /^the resolved flag value is "(.+)" when the context is empty$/,
    async (world, [text]) => {
      expect((await evaluate(world, world.flag, {})).value).toBe(text)
    },
  ],
  [
    /^the default (?:string|integer) value should be returned$/,
    ({ details, flag }) => {
      expect(details.value).toBe(flag.defaultValue)
    },
  ],
  [
    /^the reason should indicate an error and the error code should indicate a (?:missing flag|type mismatch) with "(\w+)"$/,
    ({ details }, [errorCode]) => {
      expect(details).toMatchObject({ reason: 'ERROR', errorCode })
    },
  ],
]

async function evaluateDeprecated(
  world: ConformanceWorld,
  [name = '', key = '', text]: readonly (string | undefined)[],
): Promise<void> {
  const type = toSuiteType(name)
  const defaultValue: JsonValue = text === undefined ? null : parseValue(text, type)
  world.flag = { type, key, defaultValue }
  world.details = await evaluate(world, world.flag, world.context)
}
