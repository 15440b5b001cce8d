import {
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
} from '@codex/cloudflare-clients/testing'
import { ConfigClient, kvSource } from '../../src/index.ts'
import { digestBody } from '../../src/lib/read-config-document.ts'
import type { ConfigDocument } from '../../src/publisher.ts'

export interface ConfigSimulationOptions {
  readonly seed: number
  readonly minutes: number
  readonly consistency: 'typical' | 'adverse'
  readonly ttlSeconds: number
  /** Whether every isolate gets a notice of each version: late, twice now and then, and out of order. */
  readonly hasNotices: boolean
  /** Whether KV fails, is slow or gives something else now and then, and somebody publishes what does not fit the schema. */
  readonly hasFaults: boolean
  /** When every isolate that has requests should be at a version, after it was put. Default: never. */
  readonly boundMs?: number
}

export interface ConfigSimulationResult {
  /** What was promised and did not hold, in words. */
  readonly violations: readonly string[]
  /** How long after each version was put its isolates first answered from it or a newer one, in ms. */
  readonly lagsMs: readonly number[]
  /** From the notice of a version. */
  readonly noticeLagsMs: readonly number[]
  readonly requests: number
  readonly published: number
  /** Loads that were refused, by code. */
  readonly refused: Readonly<Record<string, number>>
}

interface Published {
  readonly version: number
  readonly isValid: boolean
  readonly atMs: number
}

const namespace = 'CONFIG_KV'
const name = 'production/web'
const locationCount = 12
export const maxGapMs = 10_000
export const maxNoticeDelayMs = 20_000

/** A port that says which version it is of, or a text that is none. */
async function toDocument(version: number, isValid: boolean, atMs: number): Promise<string> {
  const body = `port: ${isValid ? version : `none of ${version}`}\n`
  const document: ConfigDocument = {
    codexConfig: 1,
    name,
    version,
    changedAtMs: Math.floor(atMs),
    stable: {
      version,
      parent: version - 1,
      ...(await digestBody(body)),
      syntax: 'yaml',
      author: 'simulation',
      atMs: Math.floor(atMs),
      body,
    },
    history: [],
  }
  return JSON.stringify(document)
}

/** Isolates in 12 locations that answer requests from a configuration, while versions of it are published. */
export async function runConfigSimulation(
  options: ConfigSimulationOptions,
): Promise<ConfigSimulationResult> {
  const { seed, minutes, consistency, ttlSeconds, hasNotices, hasFaults } = options
  const { boundMs = Infinity } = options
  // Hashes are real asynchronous work.
  const clock = createVirtualClock({ turnsPerStep: 2 })
  const random = createSeededRandom(`config/${seed}`)
  const names = Array.from({ length: locationCount }, (_, i) => `L${i}`)
  const simulator = createEdgeSimulator({
    seed,
    locations: names,
    consistency,
    latency: 'typical',
    clock,
  })
  const publisher = simulator.location('L0').kv(namespace)
  const endMs = clock.now() + minutes * 60_000
  const published: Published[] = []
  /** From before they are put: a location may have one before the put has returned. */
  const good = new Set<number>()
  const violations: string[] = []
  const lagsMs: number[] = []
  const noticeLagsMs: number[] = []
  const refused: Record<string, number> = {}
  const noticed: ((notice: unknown) => Promise<void>)[] = []
  const pending: Promise<unknown>[] = []
  let requests = 0
  if (hasFaults) {
    simulator.injectFault({ type: 'error', operations: ['read'], rate: 0.15 })
    simulator.injectFault({ type: 'corrupt', rate: 0.1 })
    simulator.injectFault({ type: 'slow', delayMs: 15_000, rate: 0.05 })
  }

  const publish = async (): Promise<void> => {
    for (let version = 1; clock.now() < endMs; version++) {
      // The first one is good, and each one after a bad one.
      const wasValid = published.at(-1)?.isValid ?? false
      const isValid = !(hasFaults && wasValid && random() < 0.3)
      if (isValid) good.add(version)
      const atMs = clock.now()
      const text = await toDocument(version, isValid, atMs)
      if (version === 1) simulator.store(namespace).seed(name, text)
      else await publisher.put(name, text)
      published.push({ version, isValid, atMs: clock.now() })
      if (hasNotices) {
        const notice = { codexConfig: 1, name, version }
        for (const notify of noticed) {
          pending.push(notify(notice))
          if (random() < 0.2) pending.push(notify(notice))
        }
      }
      await clock.sleep(60_000 + random() * 120_000)
    }
  }

  const answer = async (location: string): Promise<void> => {
    const client = new ConfigClient<{ readonly port: number }>({
      sources: [kvSource(simulator.location(location).kv(namespace), name)],
      schema: {
        jsonSchema: {
          type: 'object',
          properties: { port: { type: 'integer' } },
          required: ['port'],
        },
      },
      refresh: 'on-read',
      ttlSeconds,
      now: clock.now,
      timers: clock,
      random,
      waitUntil: (work) => pending.push(work),
      onEvent: (event) => {
        if (event.type !== 'refresh_failed' && event.type !== 'outdated') return
        refused[event.error.code] = (refused[event.error.code] ?? 0) + 1
      },
    })
    const noticedAtMs = new Map<number, number>()
    noticed.push(async (notice) => {
      await clock.sleep(random() * maxNoticeDelayMs)
      const { version } = notice as { readonly version: number }
      if (!noticedAtMs.has(version)) noticedAtMs.set(version, clock.now())
      const isSeen = await client.accept(notice)
      if (isSeen && client.value.port < version) {
        violations.push(`${location} called ${version} seen, and has ${client.value.port}`)
      }
    })
    let highest = 0
    const request = async (): Promise<void> => {
      requests++
      const beganMs = clock.now()
      const hadValue = highest > 0
      try {
        const { port } = await client.read()
        const at = `${location} at ${clock.now()} answered from ${port}`
        if (!good.has(port)) violations.push(`${at}, which is no good version`)
        if (port < highest) violations.push(`${at} after ${highest}`)
        for (const { version, isValid, atMs } of published) {
          if (isValid && version > port && beganMs - atMs > boundMs) {
            violations.push(`${at}, and ${version} was put ${beganMs - atMs} ms before`)
          }
          if (version <= highest || version > port || !isValid) continue
          lagsMs.push(clock.now() - atMs)
          const sinceMs = noticedAtMs.get(version)
          if (sinceMs !== undefined) noticeLagsMs.push(clock.now() - sinceMs)
        }
        highest = Math.max(highest, port)
      } catch {
        if (hadValue) violations.push(`${location} at ${clock.now()} failed after ${highest}`)
      }
    }
    while (clock.now() < endMs) {
      // Now and then several requests are under way at once.
      const requesting = request()
      pending.push(requesting)
      if (random() < 0.7) await requesting
      await clock.sleep(random() ** 2 * maxGapMs)
    }
  }

  await clock.run(async () => {
    await Promise.all([publish(), ...names.map(answer)])
    await Promise.all(pending)
  })
  return { violations, lagsMs, noticeLagsMs, requests, published: published.length, refused }
}
