import Cloudflare, { NotFoundError, toFile } from 'cloudflare'
import type { KVClientUnderTest } from './kv-client.ts'

/** Cloudflare's own package, with metadata as its types take it. */
export const officialKV = createOfficial('cloudflare', (metadata) => metadata)

/** The same by somebody who knows that metadata has to be a text already. */
export const officialKVWithText = createOfficial('cloudflare, metadata as JSON text', (metadata) =>
  JSON.stringify(metadata),
)

function createOfficial(id: string, toMetadata: (metadata: unknown) => unknown): KVClientUnderTest {
  return {
    id,
    hasMetadata: true,
    open({ url, accountId, apiToken, namespaceId }) {
      const { namespaces } = new Cloudflare({ apiToken, baseURL: url }).kv
      const place = { account_id: accountId, namespace_id: namespaceId }
      return {
        async put(key, value, metadata) {
          await namespaces.values.update(key, {
            ...place,
            value: typeof value === 'string' ? value : await toFile(value, 'value'),
            ...(metadata !== undefined && { metadata: toMetadata(metadata) }),
          })
        },
        async get(key) {
          try {
            const response = await namespaces.values.get(key, place)
            const bytes = new Uint8Array(await response.arrayBuffer())
            return { bytes, metadata: await namespaces.metadata.get(key, place) }
          } catch (error) {
            if (error instanceof NotFoundError) return { bytes: null, metadata: null }
            throw error
          }
        },
        getText: async (key) => (await namespaces.values.get(key, place)).text(),
        async putMany(entries) {
          const { account_id } = place
          const result = await namespaces.bulkUpdate(namespaceId, {
            account_id,
            body: [...entries],
          })
          return result?.unsuccessful_keys ?? []
        },
      }
    },
  }
}
