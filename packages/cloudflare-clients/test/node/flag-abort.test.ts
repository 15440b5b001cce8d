import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bundleWorker } from './bundle-worker.ts'

// A client that resets its connection cancels the request it began, and what that request was loading for others. See
// client-abort.test.ts.

const trialCount = 20
/** Long enough that the reset arrives while KV is asked. */
const originMs = 500
const ruleset = {
  format: 1,
  version: 1,
  changedAtMs: 0,
  flags: { beta: { enabled: true, version: 1 } },
}

let miniflare: Miniflare
let worker: URL
/** Reads of KV by key. */
const reads = new Map<string, number>()
let origin: Server
let originUrl: string

beforeAll(async () => {
  origin = createServer((request, response) => {
    const key = (request.url ?? '').slice(1)
    reads.set(key, (reads.get(key) ?? 0) + 1)
    setTimeout(() => response.end('{}'), originMs)
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: await bundleWorker(`${import.meta.dirname}/flag-abort-worker.ts`),
      compatibilityDate: '2026-11-01',
      kvNamespaces: ['KV'],
    }),
  )
  worker = await miniflare.ready
  await fetch(new URL('/seed', worker), { method: 'POST', body: JSON.stringify(ruleset) })
}, 60_000)

afterAll(async () => {
  await miniflare.dispose()
  origin.closeAllConnections()
  origin.close()
})

function toUrl(variant: string, key: string): URL {
  return new URL(`/${variant}/${key}?origin=${encodeURIComponent(`${originUrl}/${key}`)}`, worker)
}

interface Answer {
  readonly body: string
  readonly tookMs: number
}

async function ask(variant: string, key: string): Promise<Answer> {
  const startedMs = performance.now()
  const response = await fetch(toUrl(variant, key), { signal: AbortSignal.timeout(10_000) })
  return { body: await response.text(), tookMs: performance.now() - startedMs }
}

/** One leader whose client resets its connection while KV is asked, with a follower from before, one from after, and one later. */
async function runTrial(variant: string, key: string): Promise<Answer[]> {
  const { hostname, port, pathname, search, host } = toUrl(variant, key)
  const leader = connect({ host: hostname, port: Number(port) })
  leader.on('error', () => undefined)
  await once(leader, 'connect')
  leader.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await vi.waitFor(
    () => {
      expect(reads.get(key)).toBe(1)
    },
    { interval: 5, timeout: 5000 },
  )
  const before = ask(variant, key)
  await vi.waitFor(async () => {
    const response = await fetch(new URL(`/arrivals/${key}`, worker))
    expect(await response.json()).toBe(2)
  })
  leader.resetAndDestroy()
  const answers = await Promise.all([before, ask(variant, key)])
  return [...answers, await ask(variant, key)]
}

test.for([
  ['anchored', 'answers everybody from the load of a client that went away', 1, 3000],
  // A wait of a second before the follower loads for itself.
  ['alone', 'lets one follower take over from a client that went away', 2, 4000],
] as const)('%s: %s', async ([variant, , expectedReads, answerWithinMs]) => {
  const keys = Array.from({ length: trialCount }, (_, trial) => `${variant}-${trial}`)
  const trials = await Promise.all(keys.map((key) => runTrial(variant, key)))
  expect(trials.map((answers) => answers.map(({ body }) => body))).toEqual(
    keys.map(() => ['true', 'true', 'true']),
  )
  expect(Math.max(...trials.flat().map(({ tookMs }) => tookMs))).toBeLessThan(answerWithinMs)
  expect(keys.map((key) => reads.get(key))).toEqual(keys.map(() => expectedReads))
})
