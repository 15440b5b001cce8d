import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { WorkerAnswer } from './limit-client-worker.ts'
import { type ClientProcess, CoordinatorProcess, startClients } from './limit-processes.ts'

// The whole load takes a minute and has a command of its own, `test:limit-processes`. `pnpm test` runs a tenth of it.
const isWhole = process.env.LIMIT_PROCESSES === 'whole'
const load = isWhole
  ? { processes: 8, requests: 10_000, limit: 1000, windowSeconds: 10, perSecond: 400 }
  : { processes: 3, requests: 600, limit: 100, windowSeconds: 2, perSecond: 120 }

let coordinator: CoordinatorProcess
let clients: readonly ClientProcess[]

beforeAll(async () => {
  coordinator = await CoordinatorProcess.start()
  clients = await startClients(load.processes, {
    COORDINATOR: coordinator.url,
    DELAY_MS: 0,
    DEADLINE_MS: 2000,
  })
})

afterAll(async () => {
  await Promise.all(clients.map((client) => client.stop()))
  await coordinator.remove()
})

async function check(client: ClientProcess, path: string): Promise<WorkerAnswer> {
  const query = `?limit=${load.limit}&window=${load.windowSeconds}`
  const response = await fetch(new URL(path + query, client.url), {
    signal: AbortSignal.timeout(20_000),
  })
  expect(response.status).toBe(200)
  return response.json<WorkerAnswer>()
}

/** Sends the load evenly over time and over the processes, and does `midway` in its middle. */
async function sendLoad(path: string, midway?: () => Promise<void>): Promise<WorkerAnswer[]> {
  const windowMs = load.windowSeconds * 1000
  // From the start of a window, so that every window but the last is offered the same.
  await until((Math.floor(Date.now() / windowMs) + 1) * windowMs + 50)
  const startedMs = Date.now()
  const answers: Promise<WorkerAnswer>[] = []
  let interruption: Promise<void> | undefined
  for (let sent = 0; sent < load.requests; sent++) {
    const dueMs = startedMs + (sent * 1000) / load.perSecond
    if (Date.now() < dueMs) await until(dueMs)
    const client = clients[sent % clients.length]
    if (client !== undefined) answers.push(check(client, path))
    if (sent === Math.floor(load.requests / 2)) interruption = midway?.()
  }
  await interruption
  return Promise.all(answers)
}

async function until(timeMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, timeMs - Date.now())))
}

/** @returns How many were admitted in each window, by the authority's clock where it is known, in order. */
function admittedByWindow(answers: readonly WorkerAnswer[]): number[] {
  const windowMs = load.windowSeconds * 1000
  const counts = new Map<number, number>()
  for (const { allowed, atMs, resetAt } of answers) {
    const window = Math.floor((resetAt === undefined ? atMs : resetAt - windowMs / 2) / windowMs)
    counts.set(window, (counts.get(window) ?? 0) + (allowed ? 1 : 0))
  }
  return [...counts].sort(([one], [other]) => one - other).map(([, count]) => count)
}

function tell(what: string, counts: readonly number[]): void {
  if (isWhole) process.stdout.write(`${what}: admitted ${counts.join(', ')} of ${load.limit}\n`)
}

describe(`${load.processes} processes and one coordinator over HTTP`, () => {
  test('admit exactly the limit in every window with the exact backend', async () => {
    const counts = admittedByWindow(await sendLoad('/exact/everyone'))
    tell('exact', counts)
    expect(counts.slice(0, -1)).toEqual(counts.slice(0, -1).map(() => load.limit))
    expect(Math.max(...counts)).toBe(load.limit)
  })

  test('never admit more than the limit with leases, and nearly all of it', async () => {
    const counts = admittedByWindow(await sendLoad('/lease/everyone-leased'))
    tell('leased', counts)
    expect(Math.max(...counts)).toBeLessThanOrEqual(load.limit)
    for (const count of counts.slice(0, -1)) {
      expect(count).toBeGreaterThanOrEqual(load.limit * 0.97)
    }
  })

  test.for(['exact', 'lease'])(
    'never admit more than the limit while the coordinator is killed and comes back: %s',
    async (kind) => {
      const counts = admittedByWindow(
        await sendLoad(`/${kind}/killed-${kind}`, async () => {
          await coordinator.kill()
          await coordinator.restart()
        }),
      )
      tell(`${kind}, coordinator killed`, counts)
      expect(Math.max(...counts)).toBeLessThanOrEqual(load.limit)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(load.limit)
    },
  )
})

// A client that resets its connection cancels the request it began, and every promise that other requests were awaiting
// from it. So this needs a socket.
describe('a client that resets its connection while its request waits for a lease', () => {
  const trialCount = isWhole ? 200 : 20
  let slowClients: readonly ClientProcess[]

  beforeAll(async () => {
    slowClients = await startClients(1, {
      COORDINATOR: coordinator.url,
      DELAY_MS: 400,
      DEADLINE_MS: 2500,
    })
  })

  afterAll(async () => {
    await Promise.all(slowClients.map((client) => client.stop()))
  })

  async function hasArrived(client: ClientProcess, at: { identifier: string; count: number }) {
    await vi.waitFor(
      async () => {
        const response = await fetch(new URL(`/arrivals/${at.identifier}`, client.url))
        expect(await response.json()).toBe(at.count)
      },
      { interval: 5, timeout: 30_000 },
    )
  }

  async function runTrial(client: ClientProcess, identifier: string) {
    const path = `/lease/${identifier}`
    const { hostname, port, host } = client.url
    const leader = connect({ host: hostname, port: Number(port) })
    leader.on('error', () => undefined)
    await once(leader, 'connect')
    leader.write(`GET ${path}?limit=1000&window=60 HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await hasArrived(client, { identifier, count: 1 })
    const startedMs = performance.now()
    const before = check(client, path)
    await hasArrived(client, { identifier, count: 2 })
    leader.resetAndDestroy()
    const after = check(client, path)
    const answers = await Promise.all([before, after])
    return answers.map(({ allowed, reason }) => ({
      allowed,
      reason,
      inTime: performance.now() - startedMs < 3000,
    }))
  }

  test('leaves nobody else waiting', async () => {
    const [client] = slowClients
    if (client === undefined) throw new Error('No client was started')
    const trials: Awaited<ReturnType<typeof runTrial>>[] = []
    for (let first = 0; first < trialCount; first += 20) {
      const batch = Array.from({ length: Math.min(20, trialCount - first) }, (_, index) =>
        runTrial(client, `aborted-${first + index}`),
      )
      trials.push(...(await Promise.all(batch)))
    }
    const good = trials.filter((answers) =>
      answers.every(
        ({ allowed, reason, inTime }) => allowed && reason === 'within_limit' && inTime,
      ),
    )
    if (isWhole) process.stdout.write(`client aborts: ${good.length} of ${trialCount} answered\n`)
    expect(good).toHaveLength(trialCount)
  })
})
