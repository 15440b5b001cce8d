import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import { FeatureFlags } from './feature-flags.ts'

afterEach(reset)

test('reads every operator and algorithm that it writes', async () => {
  const flags = new FeatureFlags(env.KV)
  await flags.importFlags({
    network: {
      enabled: true,
      defaultVariant: 'off',
      rules: [
        { when: { attribute: 'ip', op: 'cidr', value: '10.0.0.0/8' }, variant: 'on' },
        { when: { attribute: 'app', op: 'semver_gte', value: '2.0.0' }, variant: 'on' },
      ],
    },
    spread: {
      enabled: true,
      percentage: 50,
      bucketing: { algorithm: 'murmur3', version: 2, salt: 'spread' },
    },
  })
  expect(flags.evaluate('network', { attributes: { ip: '10.1.2.3' } }, false).value).toBe(true)
  expect(flags.evaluate('network', { attributes: { app: '2.1.0' } }, false).value).toBe(true)
  expect(flags.evaluate('network', { attributes: { app: '1.9.9' } }, false).value).toBe(false)
  expect(flags.evaluate('spread', { userId: 'user-1' }, false).error).toBeUndefined()
})
