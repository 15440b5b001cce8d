import { createFakeKVApi } from '@codex/fake-kv-api'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { allKVClients } from './all-kv-clients.ts'
import { codexKVHttp } from './codex.ts'
import { hostileKeys, impossibleKeys } from './hostile-keys.ts'
import type { KVClient, KVClientUnderTest } from './kv-client.ts'

const scenario = 'round-trips'

const values: readonly (string | Uint8Array)[] = [
  '',
  'text',
  'line\nline\r\nline\r',
  'é😀\u0000',
  '\ufeffmark',
  '{"a":[1]}',
  '42',
  new Uint8Array(),
  Uint8Array.from({ length: 256 }, (_, index) => index),
  Uint8Array.from({ length: 20_000 }, (_, index) => (index * 31) % 251),
]
const allMetadata: readonly unknown[] = [undefined, { a: [1, null] }, 'é😀\n"']

interface Counts {
  trips: number
  wrongWrites: number
  wrongReads: number
  refused: number
  impossibleTaken: number
}

const wrongWrites = 'wrong writes'
const wrongReads = 'wrong reads'
const impossible = 'impossible keys taken'

/** Hostile keys, kinds of values and of metadata: written by a client and looked at in the store; put there, and read by it. */
export const roundTrips: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('kv-http', scenario)
    for (const contestant of allKVClients) {
      const counts = await runRoundTrips(contestant, hostileKeys())
      results.add(contestant.id, 'round trips', { value: counts.trips })
      results.add(contestant.id, wrongWrites, { value: counts.wrongWrites })
      results.add(contestant.id, 'of them refused', { value: counts.refused })
      results.add(contestant.id, wrongReads, { value: counts.wrongReads })
      results.add(contestant.id, impossible, { value: counts.impossibleTaken })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    [wrongWrites, wrongReads, impossible].flatMap((metric) => {
      const found = cellOf(results, { library: codexKVHttp.id, scenario, metric })
      return found === 0 ? [] : [`${scenario}: ${metric}: 0 wanted, ${String(found)} found`]
    }),
}

export async function runRoundTrips(
  contestant: KVClientUnderTest,
  keys: readonly string[],
): Promise<Counts> {
  const api = await createFakeKVApi()
  const namespace = api.addNamespace('round trips')
  const client = contestant.open({
    url: api.url,
    accountId: api.accountId,
    apiToken: api.apiToken,
    namespaceId: namespace.id,
    deadlineMs: 30_000,
    now: Date.now,
    timers: globalThis,
    requestsPer5Minutes: 1_000_000,
  })
  const counts: Counts = { trips: 0, wrongWrites: 0, wrongReads: 0, refused: 0, impossibleTaken: 0 }
  try {
    for (const key of keys) {
      for (const value of values) {
        for (const metadata of contestant.hasMetadata ? allMetadata : [undefined]) {
          counts.trips++
          namespace.clear()
          const isRefused = await fails(() => client.put(key, value, metadata))
          const stored = namespace.get(key)
          const isStored =
            stored !== null &&
            namespace.keys().length === 1 &&
            isSame(stored.value, value) &&
            isSameMetadata(JSON.parse(stored.metadataJson ?? 'null'), metadata)
          if (!isStored) counts.wrongWrites++
          if (!isStored && isRefused) counts.refused++
          namespace.clear()
          const metadataJson = metadata === undefined ? undefined : JSON.stringify(metadata)
          namespace.put(key, { value, metadataJson })
          if (!(await readsBack(client, { key, value, metadata }))) counts.wrongReads++
        }
      }
    }
    for (const key of impossibleKeys) {
      namespace.clear()
      const isRefused = await fails(() => client.put(key, 'value'))
      if (!isRefused || namespace.keys().length > 0) counts.impossibleTaken++
    }
    return counts
  } finally {
    await api.close()
  }
}

async function readsBack(
  client: KVClient,
  entry: { readonly key: string; readonly value: string | Uint8Array; readonly metadata: unknown },
): Promise<boolean> {
  try {
    const { bytes, metadata } = await client.get(entry.key)
    return bytes !== null && isSame(bytes, entry.value) && isSameMetadata(metadata, entry.metadata)
  } catch {
    return false
  }
}

async function fails(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return false
  } catch {
    return true
  }
}

function isSame(bytes: Uint8Array, value: string | Uint8Array): boolean {
  const expected = typeof value === 'string' ? new TextEncoder().encode(value) : value
  return bytes.length === expected.length && bytes.every((byte, at) => byte === expected[at])
}

function isSameMetadata(metadata: unknown, expected: unknown): boolean {
  return JSON.stringify(metadata ?? null) === JSON.stringify(expected ?? null)
}
