import {
  createHttpKVNamespace,
  createRequestPacer,
  KVHttpError,
} from '@codex/cloudflare-clients/kv-http'
import type { KVClientUnderTest } from './kv-client.ts'

export const codexKVHttp: KVClientUnderTest = {
  id: 'codex',
  hasMetadata: true,
  open(target) {
    const { now, timers, requestsPer5Minutes } = target
    const kv = createHttpKVNamespace({
      accountId: target.accountId,
      namespaceId: target.namespaceId,
      auth: { apiToken: target.apiToken },
      baseUrl: target.url,
      deadlineMs: target.deadlineMs,
      env: {},
      now,
      timers,
      pacer: createRequestPacer({ requestsPer5Minutes, now, timers }),
    })
    return {
      put: (key, value, metadata) => kv.put(key, value, metadata === undefined ? {} : { metadata }),
      async get(key) {
        const { value, metadata } = await kv.getWithMetadata(key, 'arrayBuffer')
        return { bytes: value === null ? null : new Uint8Array(value), metadata }
      },
      getText: (key) => kv.get(key),
      async putMany(entries) {
        try {
          await kv.putMany(entries)
          return []
        } catch (error) {
          if (error instanceof KVHttpError) return error.failedKeys ?? []
          throw error
        }
      },
    }
  },
}
