import { createEmptyKV } from '@codex/cloudflare-clients'
import {
  type FlagDefinition,
  FlagReader,
  type FlagRuleset,
} from '@codex/cloudflare-clients/feature-flags'
import { describe, expect, it } from 'vitest'
import { type Asking, isClosed, showsNewItemPage, uploadLimitBytes } from './site-answers.ts'
import { type SiteFlag, siteRuleset } from './site-ruleset.ts'

const mebibyte = 1024 * 1024

function flagsWith(name?: SiteFlag, flag?: Partial<FlagDefinition>): FlagReader {
  const { flags } = siteRuleset
  const changed = name && { [name]: { ...(flags[name] ?? { enabled: true, version: 0 }), ...flag } }
  const bootstrap: FlagRuleset = { ...siteRuleset, flags: { ...flags, ...changed } }
  return new FlagReader(createEmptyKV(), { bootstrap })
}

function sessionOf(role: 'customer' | 'creator' | 'owner', id = 'ada'): Asking['session'] {
  return { user: { id, name: 'Ada', email: 'ada@codex.example', role, emailVerified: true } }
}

describe('the largest upload', () => {
  const roles = ['customer', 'creator', 'owner'] as const

  it('is what the flag has for the role', () => {
    const flags = flagsWith()
    const limits = roles.map((role) =>
      uploadLimitBytes({ flags, session: sessionOf(role) }, 200 * mebibyte),
    )
    expect(limits).toEqual([5 * mebibyte, 50 * mebibyte, 100 * mebibyte])
  })

  it('is never above the limit of the platform', () => {
    const flags = flagsWith()
    const limits = roles.map((role) =>
      uploadLimitBytes({ flags, session: sessionOf(role) }, 25 * mebibyte),
    )
    expect(limits).toEqual([5 * mebibyte, 25 * mebibyte, 25 * mebibyte])
  })

  it.each([
    ['there is no such flag', new FlagReader(createEmptyKV())],
    ['it has values of another type', flagsWith('upload-size', { variants: { customer: 'big' } })],
    ['it is off, and has no off value', flagsWith('upload-size', { enabled: false })],
  ])('is that of the platform where %s', (_, flags) => {
    expect(uploadLimitBytes({ flags, session: sessionOf('customer') }, 7)).toBe(7)
  })

  it.each([
    [0, 1],
    [-5, 1],
    [10.9, 10],
    [1e300, 25],
  ])('is a whole number that an upload can be held to: %d becomes %d', (value, limit) => {
    const flags = flagsWith('upload-size', { variants: { customer: value }, rules: [] })
    expect(uploadLimitBytes({ flags, session: sessionOf('customer') }, 25)).toBe(limit)
  })
})

describe('the new item page', () => {
  it('is for nobody until it is ramped up, and then for the same people', () => {
    const people = Array.from({ length: 500 }, (_, index) => sessionOf('customer', `user-${index}`))
    const seenBy = (percentage: number): number[] => {
      const flags = flagsWith('new-item-page', { percentage })
      return people.flatMap((session, index) =>
        showsNewItemPage({ flags, session }) ? [index] : [],
      )
    }
    expect(seenBy(0)).toEqual([])
    const tenth = seenBy(10)
    expect(Math.abs(tenth.length - 50)).toBeLessThan(27)
    expect(seenBy(30)).toEqual(expect.arrayContaining(tenth))
    expect(seenBy(100)).toHaveLength(500)
  })

  it('is the old one for visitors who are not signed in, until it is for everybody', () => {
    const show = (percentage: number): boolean =>
      showsNewItemPage({ flags: flagsWith('new-item-page', { percentage }), session: null })
    expect([show(99.99), show(100)]).toEqual([false, true])
  })
})

describe('the closed site', () => {
  it('is open by default', () => {
    expect(isClosed({ flags: flagsWith(), session: null })).toBe(false)
    expect(isClosed({ flags: new FlagReader(createEmptyKV()), session: null })).toBe(false)
  })

  it('is closed for everybody but owners', () => {
    const flags = flagsWith('maintenance-mode', { enabled: true })
    const sessions = [null, sessionOf('customer'), sessionOf('creator'), sessionOf('owner')]
    expect(sessions.map((session) => isClosed({ flags, session }))).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  it('never locks an owner out, whatever its lists say', () => {
    const flags = flagsWith('maintenance-mode', { enabled: true, allow: ['ada'] })
    expect(isClosed({ flags, session: sessionOf('owner') })).toBe(false)
  })
})
