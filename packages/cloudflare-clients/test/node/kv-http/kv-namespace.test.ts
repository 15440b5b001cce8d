import { createHttpKVNamespace, createRequestPacer } from '@codex/cloudflare-clients/kv-http'
import { createFakeKVApi, type FakeKVApi } from '@codex/fake-kv-api'
import { afterAll, beforeAll } from 'vitest'
import { describeKVNamespace } from '../../kv-namespace.contract.ts'
import { type LocalKVApi, startLocalKVApi } from './local-kv-api.ts'

// What the runtime's local KV and the simulator give inside workerd, KV over HTTP gives in Node.

let fake: FakeKVApi
let local: LocalKVApi

beforeAll(async () => {
  fake = await createFakeKVApi()
  local = await startLocalKVApi()
})

afterAll(async () => {
  await fake.close()
  await local.close()
})

function open(
  api: { readonly url: string; readonly accountId: string; readonly apiToken: string },
  namespaceId: string,
): KVNamespace {
  return createHttpKVNamespace({
    accountId: api.accountId,
    namespaceId,
    auth: { apiToken: api.apiToken },
    baseUrl: api.url,
    env: {},
    pacer: createRequestPacer({ requestsPer5Minutes: 1_000_000 }),
  })
}

describeKVNamespace("KV over HTTP, from wrangler's REST API for local KV", () =>
  open(local, local.takeNamespace()),
)

describeKVNamespace('KV over HTTP, from the fake of the API', () =>
  open(fake, fake.addNamespace('contract').id),
)
