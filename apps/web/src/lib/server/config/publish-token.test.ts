import { describe, expect, it } from 'vitest'
import { readPublishToken } from './publish-token.ts'

const development = 'development-only-token-to-publish-configurations'
const own = 'a-token-of-this-environment-alone-0123'

describe('the token to publish with', () => {
  it('may be left out everywhere', () => {
    for (const ENVIRONMENT of ['development', 'production']) {
      expect(readPublishToken({ ENVIRONMENT })).toEqual({ ok: false })
      expect(readPublishToken({ ENVIRONMENT, CONFIG_PUBLISH_TOKEN: '' })).toEqual({ ok: false })
    }
  })

  it('is development’s in development only', () => {
    const read = (ENVIRONMENT: string, CONFIG_PUBLISH_TOKEN: string) =>
      readPublishToken({ ENVIRONMENT, CONFIG_PUBLISH_TOKEN })
    expect(read('development', development)).toEqual({ ok: true, token: development })
    expect(read('production', own)).toEqual({ ok: true, token: own })
    const reason = 'CONFIG_PUBLISH_TOKEN must not be the token of development'
    for (const environment of ['staging', 'production', '']) {
      expect(read(environment, development)).toEqual({ ok: false, reason })
    }
  })

  it('has 32 characters or more, and is never quoted', () => {
    const token = 'x'.repeat(31)
    const read = (CONFIG_PUBLISH_TOKEN: string) =>
      readPublishToken({ ENVIRONMENT: 'production', CONFIG_PUBLISH_TOKEN })
    expect(read(token)).toEqual({
      ok: false,
      reason: 'CONFIG_PUBLISH_TOKEN must have 32 characters or more, received 31',
    })
    expect(read(`${token}x`)).toEqual({ ok: true, token: `${token}x` })
  })
})
