import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { expect, vi } from 'vitest'
import { bundleWorker } from './bundle-worker.ts'

/** Long enough that a reset arrives while the origin works. */
const originMs = 500

interface AbortAnswer {
  readonly status: number
  readonly body: string
  readonly tookMs: number
}

/** A worker in workerd before an origin that takes half a second, and clients that go away meanwhile. */
export interface AbortStage {
  readonly worker: URL
  /** Of the origin, by key. */
  readonly calls: ReadonlyMap<string, number>
  /**
   * One leader whose client resets its connection while the origin works, with a follower from before and one from after, and one that comes
   * when they have their answers.
   */
  runTrial(reader: string, key: string): Promise<AbortAnswer[]>
  close(): Promise<void>
}

/** @param script In this folder. It answers `/{reader}/{key}?origin=`, and at `/arrivals/{key}` how many of those have arrived. */
export async function openAbortStage(script: string): Promise<AbortStage> {
  const calls = new Map<string, number>()
  const origin = createServer((request, response) => {
    const key = (request.url ?? '').slice(1)
    const call = (calls.get(key) ?? 0) + 1
    calls.set(key, call)
    setTimeout(() => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ key, call }))
    }, originMs)
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: await bundleWorker(`${import.meta.dirname}/${script}`),
      compatibilityDate: '2026-11-01',
      kvNamespaces: ['KV'],
    }),
  )
  const worker = await miniflare.ready

  const toUrl = (reader: string, key: string): URL =>
    new URL(`/${reader}/${key}?origin=${encodeURIComponent(`${originUrl}/${key}`)}`, worker)

  const follow = async (reader: string, key: string): Promise<AbortAnswer> => {
    const startedMs = performance.now()
    const response = await fetch(toUrl(reader, key), { signal: AbortSignal.timeout(10_000) })
    const body = await response.text()
    return { status: response.status, body, tookMs: performance.now() - startedMs }
  }

  return {
    worker,
    calls,
    async runTrial(reader, key) {
      const { hostname, port, pathname, search, host } = toUrl(reader, key)
      const leader = connect({ host: hostname, port: Number(port) })
      leader.on('error', () => undefined)
      await once(leader, 'connect')
      leader.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      await vi.waitFor(
        () => {
          expect(calls.get(key)).toBe(1)
        },
        { interval: 5, timeout: 30_000 },
      )
      const before = follow(reader, key)
      await vi.waitFor(
        async () => {
          const response = await fetch(new URL(`/arrivals/${key}`, worker))
          expect(await response.json()).toBe(2)
        },
        { timeout: 30_000 },
      )
      leader.resetAndDestroy()
      const answers = await Promise.all([before, follow(reader, key)])
      return [...answers, await follow(reader, key)]
    },
    async close() {
      await miniflare.dispose()
      origin.closeAllConnections()
      origin.close()
    },
  }
}
