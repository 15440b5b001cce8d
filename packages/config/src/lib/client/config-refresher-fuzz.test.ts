import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toLoaded } from '../../../test/support/config-loads.ts'
import { ConfigError } from '../config-error.ts'
import type { ConfigEvent } from './config-event.ts'
import type { ConfigChange } from './config-refresh.ts'
import { createConfigRefresher } from './config-refresher.ts'
import type { LoadedConfig } from '../load/loaded-config.ts'

// Loads that take any time, fail, hang, lag behind or lack a document, while requests come, time passes and versions are published.

const timeoutMs = 1000

/** What a load comes to, which is decided when it begins. */
const outcomes = fc.record({
  kind: fc.constantFrom('good', 'good', 'good', 'failed', 'invalid', 'missing', 'silent'),
  takesMs: fc.constantFrom(0, 0, 50, 400, 600, 999, 1000, 2500),
  /** How many versions a location is behind, for each of two documents. */
  lags: fc.tuple(fc.constantFrom(0, 0, 1, 3), fc.constantFrom(0, 0, 1)),
})
const steps = fc.record({
  kind: fc.constantFrom('ready', 'read', 'refresh', 'notice', 'publish', 'watch', 'unwatch'),
  document: fc.constantFrom(0, 1),
  gapMs: fc.constantFrom(0, 0, 1, 100, 500, 600, 1000, 5000, 61_000),
})
type Outcome = typeof outcomes extends fc.Arbitrary<infer T> ? T : never

const uris = ['kv:web', 'kv:common'] as const
const names = ['web', 'common'] as const

function createFuzzWorld(
  script: readonly Outcome[],
  { isAnchored, mode }: { readonly isAnchored: boolean; readonly mode: 'background' | 'on-read' },
) {
  const clock = createVirtualClock()
  /** The versions that are published. */
  const published: [number, number] = [1, 1]
  /** When each good load began, in order. */
  const orders = new Map<LoadedConfig<string>, number>()
  const events: ConfigEvent[] = []
  const violations: string[] = []
  let begun = 0

  const load = async (): Promise<LoadedConfig<string>> => {
    const order = ++begun
    const outcome = script[order % script.length]
    const { kind, takesMs, lags } = outcome ?? { kind: 'good', takesMs: 0, lags: [0, 0] as const }
    const versions = published.map((version, i) => Math.max(1, version - (lags[i] ?? 0)))
    if (kind === 'silent') return new Promise(() => undefined)
    await clock.sleep(takesMs)
    if (kind === 'failed') throw new Error('down')
    if (kind === 'invalid') {
      throw new ConfigError('Cannot load', { code: 'invalid', operation: 'load' })
    }
    const [web = 0, common = 0] = versions
    const seen = kind === 'missing' ? { [uris[0]]: web } : { [uris[0]]: web, [uris[1]]: common }
    // A file beside them that is another one now and then.
    const loaded = toLoaded(`${JSON.stringify(seen)} file ${Math.floor(order / 3)}`, seen, uris)
    orders.set(loaded, order)
    return loaded
  }

  const refresher = createConfigRefresher(
    { uris, load },
    {
      refresh: mode,
      timeoutMs,
      removedAfterSeconds: 1e9,
      noticeSeconds: 30,
      now: clock.now,
      timers: clock,
      random: () => 0.5,
      onEvent: (event) => events.push(event),
      ...(isAnchored && { waitUntil: () => undefined }),
    },
  )

  let floor: Readonly<Record<string, number>> = {}
  let heldOrder = 0
  /** Of what is in use, at any time. */
  const check = (): void => {
    const held = refresher.held()
    if (!held) {
      if (heldOrder > 0) violations.push('what was held is gone')
      return
    }
    const order = orders.get(held.loaded)
    if (order === undefined) violations.push('something is in use that no good load gave')
    else if (order < heldOrder) violations.push(`load ${order} took the place of ${heldOrder}`)
    heldOrder = order ?? heldOrder
    for (const [uri, version] of Object.entries(floor)) {
      const now = held.loaded.versions[uri] ?? 0
      if (now < version) violations.push(`${uri} went from ${version} to ${now}`)
    }
    floor = held.loaded.versions
    if (held.value !== held.loaded.value) violations.push('the value is not that of the load')
  }
  return {
    clock,
    published,
    events,
    violations,
    refresher,
    check,
    begun: () => begun,
    order: () => heldOrder,
  }
}

test.for(['on-read', 'background'] as const)(
  '%s: never goes back, never takes what is not good, tells each change once',
  async (mode) => {
    const totals = { changed: 0, outdated: 0, refresh_failed: 0, notices: 0, seen: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcomes, { minLength: 3, maxLength: 12 }),
        fc.array(steps, { minLength: 5, maxLength: 30 }),
        fc.boolean(),
        async (script, plan, isAnchored) => {
          const world = createFuzzWorld(script, { isAnchored, mode })
          const { clock, refresher, published, violations, events, check } = world
          const pending: Promise<unknown>[] = []
          const told: ConfigChange<string>[] = []
          /** Of listeners that come and go: each may be told what happens while it is there. */
          const stops: (() => void)[] = []
          refresher.watch((change) => {
            check()
            told.push(change)
          })

          const ask = (call: () => Promise<string>): Promise<void> => {
            const hadValue = refresher.held() !== undefined
            return call().then(
              (value) => {
                check()
                if (refresher.held() === undefined)
                  violations.push(`answered ${value} from nothing`)
              },
              () => {
                if (hadValue) violations.push('failed though there was something to answer from')
              },
            )
          }

          for (const { kind, document, gapMs } of plan) {
            if (kind === 'ready') pending.push(ask(refresher.ready))
            else if (kind === 'read') pending.push(ask(refresher.read))
            else if (kind === 'publish') published[document]++
            else if (kind === 'refresh') {
              const begunBefore = world.begun()
              pending.push(
                refresher.refresh().then(({ status }) => {
                  check()
                  if (status !== 'failed' && world.order() <= begunBefore) {
                    violations.push('a refresh was answered by a load from before its call')
                  }
                }),
              )
            } else if (kind === 'notice') {
              const version = published[document]
              const notice = { codexConfig: 1, name: names[document], version }
              const inUse = refresher.status().versions[uris[document]] ?? 0
              const isKnown = refresher.held() !== undefined && inUse >= version
              const begunBefore = world.begun()
              const accepting = refresher.accept(notice)
              if (isKnown && world.begun() > begunBefore)
                violations.push('asked for a known version')
              totals.notices++
              pending.push(
                accepting.then((isSeen) => {
                  const after = refresher.status().versions[uris[document]] ?? 0
                  if (isSeen && after < version)
                    violations.push('a notice was called seen too early')
                  if (isSeen) totals.seen++
                }),
              )
            } else if (kind === 'watch') {
              const seen = new Set<ConfigChange<string>>()
              stops.push(
                refresher.watch((change) => {
                  if (seen.has(change)) violations.push('a listener was told twice')
                  seen.add(change)
                }),
              )
            } else stops.pop()?.()
            check()
            await clock.advance(gapMs)
            check()
          }
          // Everybody gets an answer.
          let settled = 0
          for (const promise of pending) void promise.finally(() => settled++)
          await clock.advance(60_000)
          expect(settled).toBe(pending.length)
          check()

          const changes = events.filter(({ type }) => type === 'changed')
          expect(told).toHaveLength(changes.length)
          told.forEach(({ before, after }, i) => {
            expect(after).not.toBe(before)
            if (i > 0) expect(before).toBe(told[i - 1]?.after)
          })
          if (told.length > 0) expect(told.at(-1)?.after).toBe(refresher.held()?.value)
          expect(violations).toEqual([])
          refresher.close()
          for (const { type } of events) {
            if (type === 'changed' || type === 'outdated' || type === 'refresh_failed')
              totals[type]++
          }
        },
      ),
      { seed: 7, numRuns: 300 },
    )
    // It has been where it matters.
    for (const total of Object.values(totals)) expect(total).toBeGreaterThan(100)
  },
)
