import { FeatureFlags } from '@codex/cloudflare-clients/feature-flags'
import type { Check } from './check.ts'

export function createCheck(kv: KVNamespace): Check {
  const flags = new FeatureFlags(kv)
  return async (flag, userId) => {
    await flags.ready()
    return (
      (await flags.isEnabled(flag, { userId })) && flags.evaluate(flag, { userId }, false).value
    )
  }
}
