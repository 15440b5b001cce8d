import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bundleWorker } from './bundle-worker.ts'

// A client that resets its connection cancels the request it began, and what that request was loading for others. A FIN does not, and neither
// does a request aborted inside the runtime, so this needs a socket.

const trialCount = 15
/** Long enough that the reset arrives while KV is asked. */
const originMs = 400

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
      script: await bundleWorker(`${import.meta.dirname}/config-abort-worker.ts`),
      compatibilityDate: '2026-11-01',
      kvNamespaces: ['CONFIG_KV'],
    }),
  )
  worker = await miniflare.ready
})

afterAll(async () => {
  await miniflare.dispose()
  origin.closeAllConnections()
  origin.close()
})

async function seed(port: number): Promise<void> {
  await fetch(new URL('/seed', worker), { method: 'POST', body: `port: ${port}\n` })
}

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
  const readsBefore = reads.get(key) ?? 0
  const { hostname, port, pathname, search, host } = toUrl(variant, key)
  const leader = connect({ host: hostname, port: Number(port) })
  leader.on('error', () => undefined)
  await once(leader, 'connect')
  leader.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await vi.waitFor(
    () => {
      expect(reads.get(key)).toBe(readsBefore + 1)
    },
    { interval: 5, timeout: 30_000 },
  )
  const before = ask(variant, key)
  await vi.waitFor(
    async () => {
      const response = await fetch(new URL(`/arrivals/${key}`, worker))
      expect(await response.json()).toBe(2)
    },
    { timeout: 30_000 },
  )
  leader.resetAndDestroy()
  const answers = await Promise.all([before, ask(variant, key)])
  return [...answers, await ask(variant, key)]
}

test.for([
  ['anchored', 'answers everybody from the load of a client that went away', 1, 3000],
  // A wait of a second before the follower loads for itself.
  ['alone', 'lets one follower take over from a client that went away', 2, 4000],
] as const)('first load, %s: %s', async ([variant, , expectedReads, answerWithinMs]) => {
  await seed(8080)
  const keys = Array.from({ length: trialCount }, (_, trial) => `first-${variant}-${trial}`)
  const trials = await Promise.all(keys.map((key) => runTrial(variant, key)))
  expect(trials.map((answers) => answers.map(({ body }) => body))).toEqual(
    keys.map(() => ['{"port":8080}', '{"port":8080}', '{"port":8080}']),
  )
  expect(Math.max(...trials.flat().map(({ tookMs }) => tookMs))).toBeLessThan(answerWithinMs)
  expect(keys.map((key) => reads.get(key))).toEqual(keys.map(() => expectedReads))
})

test('renewal, alone: a follower takes over, and all get what is new', async () => {
  await seed(8080)
  const keys = Array.from({ length: trialCount }, (_, trial) => `renewal-${trial}`)
  await Promise.all(
    keys.map(async (key) => {
      await ask('alone', key)
      await fetch(new URL(`/age/${key}`, worker))
    }),
  )
  await seed(9090)
  const trials = await Promise.all(keys.map((key) => runTrial('alone', key)))
  expect(trials.map((answers) => answers.map(({ body }) => body))).toEqual(
    keys.map(() => ['{"port":9090}', '{"port":9090}', '{"port":9090}']),
  )
  expect(Math.max(...trials.flat().map(({ tookMs }) => tookMs))).toBeLessThan(4000)
  expect(keys.map((key) => reads.get(key))).toEqual(keys.map(() => 3))
})

test('renewal, anchored: every request is answered at once, and the renewal outlives its request', async () => {
  await seed(8080)
  const key = 'behind'
  await ask('anchored', key)
  await fetch(new URL(`/age/${key}`, worker))
  await seed(9090)
  // It did not wait, or it would have the other one.
  expect((await ask('anchored', key)).body).toBe('{"port":8080}')
  await vi.waitFor(
    async () => {
      expect((await ask('anchored', key)).body).toBe('{"port":9090}')
    },
    { timeout: 30_000 },
  )
  expect(reads.get(key)).toBe(2)
})
