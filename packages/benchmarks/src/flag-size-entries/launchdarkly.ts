import { openLaunchDarkly } from '../flags/launchdarkly-sdk.ts'
import type { Check } from './check.ts'

export function createCheck(kv: KVNamespace): Check {
  const client = openLaunchDarkly('environment', kv)
  return async (flag, userId) => {
    await client.waitForInitialization()
    return client.variation(flag, { kind: 'user', key: userId }, false)
  }
}
