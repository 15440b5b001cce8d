import { FlagdCore, MemoryStorage } from '@openfeature/flagd-core'
import type { Check } from './check.ts'

const ignore = (): void => undefined
const silent = { error: ignore, warn: ignore, info: ignore, debug: ignore }
const options = { disableDynamicCodeGeneration: true }

export function createCheck(kv: KVNamespace): Check {
  return async (flag, userId) => {
    const core = new FlagdCore(new MemoryStorage(silent, options), silent, options)
    core.setConfigurations((await kv.get('flags')) ?? '{"flags":{}}')
    return core.resolveBooleanEvaluation(flag, false, { targetingKey: userId }).value
  }
}
