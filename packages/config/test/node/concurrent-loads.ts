import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRequestPacer } from '@codex/cloudflare-clients/kv-http'
import { createFakeKVApi, type FakeFault } from '@codex/fake-kv-api'
import type { Timers } from '@codex/cloudflare-clients'
import { loadConfig, type SourceResolver } from '../../src/index.ts'
import { createSourceResolver } from '../../src/node.ts'
import { createTextServer } from './text-server.ts'

interface ConcurrentLoadsOptions {
  /** How many begin at once. */
  readonly loads: number
  /** Whether they are parts of one program, with one resolver. Otherwise each has its own. */
  readonly isShared: boolean
  /** How often they all load, one round after the other. Default 1. */
  readonly rounds?: number
  /** The first so many requests of the server and of the API fail. Default 0. */
  readonly failures?: number
  /** For timeouts and pauses. Default: the platform's. */
  readonly clock?: Timers & { readonly now: () => number }
}

export interface ConcurrentLoadsReport {
  /** Of all loads: those that gave what the three layers make together. */
  readonly succeeded: number
  readonly failed: number
  readonly serverRequests: number
  /** Methods and paths of the API, without ids, and how often. */
  readonly apiRequests: Readonly<Record<string, number>>
  readonly elapsedMs: number
}

/** Loads a configuration many times at once, as many parts of a program would: of a file, a server, and KV over HTTP. */
export async function runConcurrentLoads(
  options: ConcurrentLoadsOptions,
): Promise<ConcurrentLoadsReport> {
  const { loads, isShared, rounds = 1, failures = 0, clock } = options
  let left = failures
  const api = await createFakeKVApi({
    onRequest: (): FakeFault | undefined =>
      left-- > 0 ? { type: 'status', status: 503 } : undefined,
  })
  const server = await createTextServer()
  if (failures > 0) {
    server.answer((_request, response) => response.writeHead(503).end(), failures)
  }
  const folder = mkdtempSync(join(tmpdir(), 'config-loads-'))
  const file = join(folder, 'base.yaml')
  writeFileSync(file, 'port: 8080\n')
  server.put('shared.yaml', 'host: shared.example\n')
  api.addNamespace('settings').put('production/web', { value: 'host: web.example\n' })

  const times = clock && { timers: clock, now: clock.now, random: () => 1 }
  // Not the process's: one run would take turns away from the next.
  const pacer = createRequestPacer({
    requestsPer5Minutes: 1_000_000,
    ...(times && { timers: times.timers, now: times.now }),
  })
  const createResolver = (): SourceResolver =>
    createSourceResolver({
      env: { CLOUDFLARE_ACCOUNT_ID: api.accountId, CLOUDFLARE_API_TOKEN: api.apiToken },
      profiles: { main: { namespaceTitle: 'settings', baseUrl: api.url } },
      https: { ...times },
      kvHttp: { pacer, ...times },
    })
  const uris = [file, `${server.url}/shared.yaml`, 'kv://main/production/web']
  const shared = createResolver()
  const load = async (): Promise<boolean> => {
    const resolver = isShared ? shared : createResolver()
    const { value } = await loadConfig({ sources: uris, resolver, ...(clock && { timers: clock }) })
    return value.port === 8080 && value.host === 'web.example'
  }

  const startedMs = performance.now()
  let succeeded = 0
  let failed = 0
  let elapsedMs: number
  try {
    for (let round = 0; round < rounds; round++) {
      const results = await Promise.allSettled(Array.from({ length: loads }, load))
      for (const result of results) {
        if (result.status === 'fulfilled' && result.value) succeeded++
        else failed++
      }
    }
    elapsedMs = performance.now() - startedMs
  } finally {
    await api.close()
    server.close()
    rmSync(folder, { recursive: true })
  }
  const apiRequests: Record<string, number> = {}
  for (const { method, path } of api.requests) {
    const name = `${method} ${path.replace(/^\/storage\/kv|\?.*$/g, '').replace(/[0-9a-f]{32}/, '{id}')}`
    apiRequests[name] = (apiRequests[name] ?? 0) + 1
  }
  return { succeeded, failed, serverRequests: server.requests.length, apiRequests, elapsedMs }
}
