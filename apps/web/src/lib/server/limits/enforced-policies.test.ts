import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { unstable_readConfig } from 'wrangler'
import { bouncers, enforcedPolicies, maxOverride, policyNames } from './enforced-policies.ts'

const config = fileURLToPath(new URL('../../../../wrangler.jsonc', import.meta.url))

interface RateLimitBinding {
  readonly name: string
  readonly namespace_id: string
  readonly simple: { readonly limit: number; readonly period: number }
}

/** The rate limits of an environment, development's without a name. */
function boundIn(env: string | undefined): readonly RateLimitBinding[] {
  const read = unstable_readConfig({ config, env }, { hideWarnings: true }) as unknown
  return (read as { readonly ratelimits: readonly RateLimitBinding[] }).ratelimits
}

const environments = [undefined, 'staging', 'production']

describe('the bouncers', () => {
  it.each(environments)('are what wrangler.jsonc says for %s', (env) => {
    expect(boundIn(env).map(({ name, simple }) => ({ name, ...simple }))).toEqual(
      expect.arrayContaining(
        Object.values(bouncers).map(({ binding, limit, periodSeconds }) => ({
          name: binding,
          limit,
          period: periodSeconds,
        })),
      ),
    )
  })

  it('count apart in every environment', () => {
    const ids = environments.flatMap((env) => boundIn(env).map(({ namespace_id }) => namespace_id))
    expect(ids).toHaveLength(6)
    expect(new Set(ids).size).toBe(6)
  })

  it.each(policyNames)(
    'let through all that %s admits, also with the highest own limit',
    (name) => {
      const { keeping, limit } = enforcedPolicies[name]
      expect(maxOverride(name)).toBeGreaterThan(limit * 2)
      // Two windows of a policy may lie in one period of the bouncer, one at its end and one at its start.
      expect(maxOverride(name) * 2).toBeLessThanOrEqual(bouncers[keeping].limit)
    },
  )
})

describe('the policies of sign-in kinds', () => {
  it.each(['login', 'loginAddress', 'register', 'passwordReset', 'verifyEmail'] as const)(
    '%s is exact, and closes without the coordinator',
    (name) => {
      expect(enforcedPolicies[name]).toMatchObject({ keeping: 'exact', onUnavailable: 'closed' })
    },
  )

  it.each(['api', 'upload'] as const)('%s is leased, and leaves it to KV', (name) => {
    expect(enforcedPolicies[name]).toMatchObject({ keeping: 'leased' })
    expect(enforcedPolicies[name]).not.toHaveProperty('onUnavailable')
  })
})
