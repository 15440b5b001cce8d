import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bundleWorker } from './bundle-worker.ts'

// A client that resets its connection cancels the request it began, and every promise that other requests were awaiting
// from it. A FIN does not, and neither does a request aborted inside the runtime, so this needs a socket.

const trialCount = 20
/** Long enough that the reset arrives while the origin works. */
const originMs = 500

let miniflare: Miniflare
let worker: URL
/** Calls of the origin by key. */
const calls = new Map<string, number>()
let origin: Server
let originUrl: string

beforeAll(async () => {
  origin = createServer((request, response) => {
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
  originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: await bundleWorker(`${import.meta.dirname}/client-abort-worker.ts`),
      compatibilityDate: '2026-11-01',
      kvNamespaces: ['KV'],
    }),
  )
  worker = await miniflare.ready
}, 60_000)

afterAll(async () => {
  await miniflare.dispose()
  origin.closeAllConnections()
  origin.close()
})

function toUrl(reader: string, key: string): URL {
  return new URL(`/${reader}/${key}?origin=${encodeURIComponent(`${originUrl}/${key}`)}`, worker)
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly tookMs: number
}

async function follow(reader: string, key: string): Promise<Answer> {
  const startedMs = performance.now()
  const response = await fetch(toUrl(reader, key), { signal: AbortSignal.timeout(10_000) })
  const body = await response.text()
  const { status } = response
  const isJson = status === 200
  return {
    status,
    body: isJson ? JSON.parse(body) : body,
    tookMs: performance.now() - startedMs,
  }
}

async function hasArrived(key: string, count: number): Promise<void> {
  await vi.waitFor(async () => {
    const response = await fetch(new URL(`/arrivals/${key}`, worker))
    expect(await response.json()).toBe(count)
  })
}

/** One leader whose client resets its connection while the origin works, with a follower from before and one from after. */
async function runTrial(reader: string, key: string): Promise<Answer[]> {
  const { hostname, port, pathname, search, host } = toUrl(reader, key)
  const leader = connect({ host: hostname, port: Number(port) })
  leader.on('error', () => undefined)
  await once(leader, 'connect')
  leader.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await vi.waitFor(
    () => {
      expect(calls.get(key)).toBe(1)
    },
    { interval: 5, timeout: 5000 },
  )
  const before = follow(reader, key)
  await hasArrived(key, 2)
  leader.resetAndDestroy()
  const after = follow(reader, key)
  const answers = await Promise.all([before, after])
  return [...answers, await follow(reader, key)]
}

describe.for(['define', 'getOrSet'])('%s', (api) => {
  test.for([
    ['anchored', 'answers every follower from the load of a client that went away', 1, 3000],
    // Two waits of a second, for the read and for its load, before the load.
    ['alone', 'lets one follower take over from a client that went away', 2, 5000],
  ] as const)('%s: %s', async ([variant, , expectedCalls, answerWithinMs]) => {
    const reader = `${api}-${variant}`
    const keys = Array.from({ length: trialCount }, (_, trial) => `${reader}-${trial}`)
    const trials = await Promise.all(keys.map((key) => runTrial(reader, key)))
    const slowest = Math.max(...trials.flat().map(({ tookMs }) => tookMs))
    const bodies = trials.map((answers) => answers.map(({ status, body }) => ({ status, body })))
    const expected = keys.map((key) => {
      const answer = { status: 200, body: { key, call: expectedCalls } }
      return [answer, answer, answer]
    })
    expect(bodies).toEqual(expected)
    expect(slowest).toBeLessThan(answerWithinMs)
    expect(keys.map((key) => calls.get(key))).toEqual(keys.map(() => expectedCalls))
  })
})
