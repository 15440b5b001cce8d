import { createHttpKVNamespace, createRequestPacer } from '@codex/cloudflare-clients/kv-http'
import { createFakeKVApi } from '@codex/fake-kv-api'
import { afterAll } from 'vitest'

const api = await createFakeKVApi()
afterAll(() => api.close())
const pacer = createRequestPacer({ requestsPer5Minutes: 1_000_000 })
let namespace = open()

function open(): KVNamespace {
  return createHttpKVNamespace({
    accountId: api.accountId,
    namespaceId: api.addNamespace('suite').id,
    auth: { apiToken: api.apiToken },
    baseUrl: api.url,
    env: {},
    pacer,
  })
}

/** The namespace of the test that runs. */
export function getNamespace(): KVNamespace {
  return namespace
}

/** An empty one for the next test. */
export function takeNamespace(): void {
  namespace = open()
}
