import { createEmptyKV, KVStore } from '@codex/cloudflare-clients'
import { describe, expect, it } from 'vitest'
import { faultyKV } from './faulty-kv.ts'
import { isCachePrefix, readCacheContents } from './cache-contents.ts'

const asked = { prefix: 'cache:content:', cursor: null, nowMs: 0 }

describe('readCacheContents', () => {
  it('finds nothing where nothing is bound', async () => {
    const store = new KVStore(createEmptyKV(), { prefix: 'cache' })
    expect(await readCacheContents(store, asked)).toEqual({
      prefix: 'cache:content:',
      entries: [],
      cursor: null,
      problem: null,
    })
  })

  it('says calmly that KV fails', async () => {
    const store = new KVStore(faultyKV(createEmptyKV(), { on: true }), { prefix: 'cache' })
    expect(await readCacheContents(store, asked)).toMatchObject({
      entries: [],
      problem: 'The cache did not answer. Try again in a moment.',
    })
  })

  it.each(['session:', 'rl:', '', 'cache', 'cache:ü'])('lists nothing under %j', async (prefix) => {
    const store = new KVStore(faultyKV(createEmptyKV(), { on: true }), { prefix: 'cache' })
    const { problem } = await readCacheContents(store, { ...asked, prefix })
    expect(problem).toMatch(/^A prefix begins with/)
    expect(isCachePrefix(prefix)).toBe(false)
  })
})
