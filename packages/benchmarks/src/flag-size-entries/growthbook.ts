import { type FeatureApiResponse, GrowthBookClient } from '@growthbook/growthbook'
import type { Check } from './check.ts'

export function createCheck(kv: KVNamespace): Check {
  return async (flag, userId) => {
    const payload = await kv.get<FeatureApiResponse>('gb_payload', 'json')
    const client = new GrowthBookClient().initSync({ payload: payload ?? {} })
    return client.isOn(flag, { attributes: { id: userId } })
  }
}
