import { describe, expect, it } from 'vitest'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
import { siteRuleset } from '$lib/server/flags/site-ruleset.ts'
import { createMemoryRateLimits } from '$lib/server/limits/memory-rate-limits.ts'
import { actions } from './+page.server.ts'

const { upload } = actions
type ActionEvent = Parameters<NonNullable<typeof upload>>[0]

const mebibyte = 1024 * 1024

/** Sends a form whose length is only declared; reading its body fails the test. */
async function declare(bytes: number): Promise<unknown> {
  const event = {
    request: {
      method: 'POST',
      headers: new Headers({ 'content-length': String(bytes) }),
      get body(): never {
        throw new Error('The body was read')
      },
    },
    url: new URL('https://codex.example/studio'),
    locals: {
      session: { user: { id: 'ada', name: 'Ada', role: 'creator' } },
      app: {
        flags: { client: new FlagReader(createEmptyKV(), { bootstrap: siteRuleset }) },
        limits: createMemoryRateLimits(),
        settings: { get: () => Promise.resolve({ maxUploadBytes: 100 * mebibyte }) },
      },
    },
  }
  try {
    return await upload?.(event as unknown as ActionEvent)
  } catch (thrown) {
    return thrown
  }
}

describe('the upload form', () => {
  it('refuses what an isolate cannot hold in memory, before it reads a byte', async () => {
    expect(await declare(33 * mebibyte)).toMatchObject({
      status: 413,
      data: { about: 'upload', message: expect.stringContaining('32 MB') as unknown },
    })
  })

  it('reads what it can hold', async () => {
    expect(await declare(32 * mebibyte)).toEqual(new Error('The body was read'))
  })
})
