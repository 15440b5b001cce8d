import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bundleWorker } from './bundle-worker.ts'

// A client that resets its connection cancels the request it began, and with it whatever that request held, waited for or
// did for others. See client-abort.test.ts.

const ttlMs = 2000
const offerMs = 5000
const slackMs = 1500

let miniflare: Miniflare
let worker: URL

beforeAll(async () => {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: await bundleWorker(`${import.meta.dirname}/coordination-abort-worker.ts`),
      compatibilityDate: '2026-11-01',
      durableObjects: { COORDINATION: { className: 'CoordinationObject', useSQLite: true } },
    }),
  )
  worker = await miniflare.ready
})

afterAll(async () => {
  await miniflare.dispose()
})

async function ask(path: string): Promise<{ readonly body: unknown; readonly tookMs: number }> {
  const startedMs = performance.now()
  const response = await fetch(new URL(path, worker), { signal: AbortSignal.timeout(20_000) })
  const body: unknown = response.ok ? await response.json() : `${response.status}`
  return { body, tookMs: performance.now() - startedMs }
}

/** A request whose client can reset its connection. */
async function begin(path: string): Promise<Socket> {
  const socket = connect({ host: worker.hostname, port: Number(worker.port) })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${worker.host}\r\n\r\n`)
  return socket
}

async function untilAnswer(path: string, expected: unknown): Promise<void> {
  await vi.waitFor(
    async () => {
      expect((await ask(path)).body).toEqual(expected)
    },
    { interval: 20, timeout: 30_000 },
  )
}

describe('a lock', () => {
  test('of a client that went away is free when its time ends', async () => {
    const holder = await begin('/alone/lock/dead-holder?workMs=20000')
    await untilAnswer('/alone/status/dead-holder', { held: 1, waiting: 0 })
    holder.resetAndDestroy()
    const answers = await Promise.all([1, 2, 3].map(() => ask('/alone/lock/dead-holder?workMs=0')))
    const tokens = answers.map(({ body }) => body)
    expect(tokens.every((token) => typeof token === 'number')).toBe(true)
    expect(new Set(tokens).size).toBe(3)
    const slowest = Math.max(...answers.map(({ tookMs }) => tookMs))
    expect(slowest).toBeLessThan(ttlMs + slackMs)
  })

  test('is kept by anchored work whose client went away, and given back at its end', async () => {
    const holder = await begin('/anchored/lock/anchored-holder?workMs=4000')
    await untilAnswer('/anchored/status/anchored-holder', { held: 1, waiting: 0 })
    holder.resetAndDestroy()
    const { body, tookMs } = await ask('/anchored/lock/anchored-holder?workMs=0')
    expect(body).toEqual(expect.any(Number))
    // Longer than its TTL: it was renewed.
    expect(tookMs).toBeGreaterThan(ttlMs)
    expect(tookMs).toBeLessThan(4000 + slackMs)
  })

  test('passes over a client that went away while it stood in line', async () => {
    const holder = ask('/alone/lock/dead-waiter?workMs=1000')
    await untilAnswer('/alone/status/dead-waiter', { held: 1, waiting: 0 })
    const waiter = await begin('/alone/lock/dead-waiter?workMs=20000')
    await untilAnswer('/alone/status/dead-waiter', { held: 1, waiting: 1 })
    waiter.resetAndDestroy()
    const behind = await ask('/alone/lock/dead-waiter?workMs=0')
    expect(behind.body).toEqual(expect.any(Number))
    expect(behind.tookMs).toBeLessThan(1000 + Math.min(ttlMs, offerMs) + slackMs)
    expect((await holder).body).toEqual(expect.any(Number))
  })
})

describe('a counter', () => {
  test.for(['alone', 'anchored'])(
    'counts all that comes together, when the client that began went away: %s',
    async (variant) => {
      const name = `counter-${variant}`
      const first = await begin(`/${variant}/increment/${name}`)
      await untilAnswer(`/${variant}/arrivals/${name}`, 1)
      const others = [1, 2, 3].map(() => ask(`/${variant}/increment/${name}`))
      await untilAnswer(`/${variant}/arrivals/${name}`, 4)
      first.resetAndDestroy()
      const answers = await Promise.all(others)
      expect(answers.map(({ body }) => body)).toEqual([null, null, null])
      expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(3000)
      expect((await ask(`/${variant}/count/${name}`)).body).toBe(4)
    },
  )
})
