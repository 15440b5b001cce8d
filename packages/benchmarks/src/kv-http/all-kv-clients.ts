import { codexKVHttp } from './codex.ts'
import type { KVClientUnderTest } from './kv-client.ts'
import { officialKV, officialKVWithText } from './official.ts'
import { unstorageKVHttp } from './unstorage.ts'

export const allKVClients: readonly KVClientUnderTest[] = [
  codexKVHttp,
  officialKV,
  officialKVWithText,
  unstorageKVHttp,
]

/** Those that differ in what they do when something fails. */
export const faultContestants: readonly KVClientUnderTest[] = [
  codexKVHttp,
  officialKV,
  unstorageKVHttp,
]
