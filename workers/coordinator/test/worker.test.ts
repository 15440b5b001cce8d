import { runDurableObjectAlarm } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { durableObjectBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { CoordinationClient } from '@codex/cloudflare-clients/coordination'
import type { FlagAuthorityNamespace } from '@codex/cloudflare-clients/feature-flags'
import { createSecondaryStorage } from '@codex/cloudflare-clients/session'
import { kvSource } from '@codex/config'
import { ConfigPublisher } from '@codex/config/publisher'
import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => {
  vi.useRealTimers()
})

it('decides limits for whoever is bound to it', async () => {
  const policy = { limit: 3, window: 60, keyPrefix: 'test' }
  const limiters = [1, 2].map(
    () => new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER), { deadlineMs: 10_000 }),
  )
  const results = await Promise.all(
    limiters.flatMap((limiter) => [1, 2, 3].map(() => limiter.checkLimit('user-1', policy))),
  )
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(3)
})

it('keeps locks for whoever is bound to it', async () => {
  const clients = [1, 2].map(() => new CoordinationClient(env.COORDINATION))
  let inside = 0
  const most = await Promise.all(
    clients.map((client) =>
      client.withLock(
        'payout',
        async () => {
          inside++
          await Promise.resolve()
          return inside--
        },
        { ttlMs: 10_000, waitMs: 5000 },
      ),
    ),
  )
  expect(most).toEqual([1, 1])
})

it('lists sessions for whoever is bound to it', async () => {
  const nowMs = Date.now()
  const record = {
    id: 'session-1',
    userId: 'user-1',
    version: 1,
    createdAtMs: nowMs,
    authenticatedAtMs: nowMs,
    lastSeenAtMs: nowMs,
    expiresAtMs: nowMs + 3_600_000,
    idleTimeoutMs: 3_600_000,
    remember: true,
    everyoneEpoch: 0,
    roles: [],
    data: { theme: 'dark' },
  }
  const authority = env.SESSIONS.getByName('user:1')
  const check = { tokenHash: 'hash-1', touch: true, renewalFraction: 0.1 }
  expect(await authority.create({ tokenHash: 'hash-1', record })).toEqual({
    ok: true,
    replaced: [],
  })
  expect(await authority.check(check)).toEqual({ ok: true, version: 1, record })
  expect(await authority.revoke({ all: true })).toEqual({ count: 1, tokenHashes: ['hash-1'] })
  expect(await authority.check(check)).toEqual({ ok: false, reason: 'revoked' })
})

it('counts for better-auth, for whoever is bound to it', async () => {
  const secrets = ['a secret of these tests, of 32 characters or more']
  const storages = [1, 2].map(() =>
    createSecondaryStorage({ namespace: env.SECONDARY_STORAGE, secrets }),
  )
  const counts = await Promise.all(storages.map(({ increment }) => increment('sign-in', 60)))
  expect(counts.toSorted()).toEqual([1, 2])
})

it('decides about flags for whoever is bound to it, and puts them into KV', async () => {
  // So that the alarm does not ring by itself.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2100, 0, 1) })
  const namespace: FlagAuthorityNamespace = env.FLAGS
  const flags = namespace.getByName('test')
  const target = { kind: 'flag', name: 'beta' } as const
  const request = { target, next: { enabled: true, percentage: 10 }, author: 'ada', ifVersion: 0 }
  const replies = await Promise.all(
    ['a', 'b'].map(async (changeId) => flags.change({ ...request, changeId })),
  )
  expect(replies).toContainEqual({ ok: true, version: 1 })
  expect(replies).toContainEqual({ ok: false, reason: 'conflict', version: 1 })
  await runDurableObjectAlarm(env.FLAGS.getByName('test'))
  const { ruleset } = await flags.getRuleset()
  expect(await env.FLAGS_KV.get('flags:test', 'json')).toEqual(ruleset)
})

it('decides about configurations for whoever is bound to it, and puts them into KV', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2100, 0, 1) })
  const name = 'config:test'
  const publishers = ['ada', 'bob'].map(
    (author) => new ConfigPublisher({ authority: env.CONFIG, name, author }),
  )
  const publications = await Promise.allSettled(
    publishers.map((publisher, index) =>
      publisher.publish(`pageSize: ${index}\n`, { syntax: 'yaml', ifVersion: 0 }),
    ),
  )
  expect(publications.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  await runDurableObjectAlarm(env.CONFIG.getByName(name))
  const [source] = await kvSource(env.CONFIG_KV, name).load({
    signal: new AbortController().signal,
  })
  expect(source).toMatchObject({ version: 1, syntax: 'yaml' })
  expect(await publishers[0]?.history()).toMatchObject([{ version: 1, parent: 0 }])
})

it('answers nothing over HTTP', async () => {
  const response = await exports.default.fetch('https://coordinator.example/')
  expect(response.status).toBe(404)
})
