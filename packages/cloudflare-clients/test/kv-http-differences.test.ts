import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import { kvHttpDifferences } from './kv-http-differences.ts'

// The local side of what docs/kv-over-http.md lists. The other side is in test/node/kv-http.

afterEach(async () => {
  await reset()
})

test.for(kvHttpDifferences.map((difference) => [difference.title, difference] as const))(
  '%s: not in local KV',
  async ([, { observe, local }]) => {
    expect(await observe(env.KV)).toEqual(local)
  },
)
