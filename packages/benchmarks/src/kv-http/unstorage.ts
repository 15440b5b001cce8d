import { createStorage } from 'unstorage'
import cloudflareKVHttpDriver from 'unstorage/drivers/cloudflare-kv-http'
import type { KVClientUnderTest } from './kv-client.ts'

/** The storage with its driver for KV over HTTP: it has no metadata in KV and no bulk write. */
export const unstorageKVHttp: KVClientUnderTest = {
  id: 'unstorage',
  hasMetadata: false,
  open({ url, accountId, apiToken, namespaceId }) {
    const apiURL = url.replace('/client/v4', '')
    const driver = cloudflareKVHttpDriver({ accountId, namespaceId, apiToken, apiURL })
    const storage = createStorage({ driver })
    return {
      put: (key, value) =>
        typeof value === 'string' ? storage.setItem(key, value) : storage.setItemRaw(key, value),
      async get(key) {
        const found: unknown = await storage.getItemRaw(key)
        if (found === null || found === undefined) return { bytes: null, metadata: null }
        const bytes =
          typeof found === 'string' ? new TextEncoder().encode(found) : (found as Uint8Array)
        return { bytes, metadata: null }
      },
      getText: (key) => storage.getItem<string>(key),
    }
  },
}
