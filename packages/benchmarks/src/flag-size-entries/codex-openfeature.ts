import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
import { createOpenFeatureProvider } from '@codex/cloudflare-clients/openfeature'
import { OpenFeature } from '@openfeature/server-sdk'
import type { Check } from './check.ts'

export function createCheck(kv: KVNamespace): Check {
  const isSet = OpenFeature.setProviderAndWait(createOpenFeatureProvider(new FlagReader(kv)))
  return async (flag, userId) => {
    await isSet
    return OpenFeature.getClient().getBooleanValue(flag, false, { targetingKey: userId })
  }
}
