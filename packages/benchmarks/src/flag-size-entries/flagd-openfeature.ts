import { FlagdCore, MemoryStorage } from '@openfeature/flagd-core'
import { OpenFeature, type Provider, type ResolutionDetails } from '@openfeature/server-sdk'
import type { Check } from './check.ts'

const ignore = (): void => undefined
const silent = { error: ignore, warn: ignore, info: ignore, debug: ignore }
const options = { disableDynamicCodeGeneration: true }

/** As small as a provider of booleans can be. */
export function createCheck(kv: KVNamespace): Check {
  const core = new FlagdCore(new MemoryStorage(silent, options), silent, options)
  const resolve = <T>(details: ResolutionDetails<T>): Promise<ResolutionDetails<T>> =>
    Promise.resolve(details)
  const provider: Provider = {
    metadata: { name: 'flagd-core' },
    initialize: async () => {
      core.setConfigurations((await kv.get('flags')) ?? '{"flags":{}}')
    },
    resolveBooleanEvaluation: (flag, byDefault, context) =>
      resolve(core.resolveBooleanEvaluation(flag, byDefault, context)),
    resolveStringEvaluation: (flag, byDefault, context) =>
      resolve(core.resolveStringEvaluation(flag, byDefault, context)),
    resolveNumberEvaluation: (flag, byDefault, context) =>
      resolve(core.resolveNumberEvaluation(flag, byDefault, context)),
    resolveObjectEvaluation: (flag, byDefault, context) =>
      resolve(core.resolveObjectEvaluation(flag, byDefault, context)),
  }
  const isSet = OpenFeature.setProviderAndWait(provider)
  return async (flag, userId) => {
    await isSet
    return OpenFeature.getClient().getBooleanValue(flag, false, { targetingKey: userId })
  }
}
