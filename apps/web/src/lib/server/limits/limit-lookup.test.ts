import { describe, expect, it, vi } from 'vitest'
import { findCounted, keyOf, readLimitLines } from './limit-lookup.ts'
import type { LookupSources } from './limit-lookup.ts'
import { createMemoryRateLimits } from './memory-rate-limits.ts'

const ada = { id: 'user-ada', email: 'ada@codex.example' }
const clock = { now: () => 900_000 }

/** Limits, and a database in which Ada is the only user. */
function createSources(): LookupSources {
  const findFirst = ({ where }: { where: (columns: unknown, operators: unknown) => unknown }) => {
    const eq = (_column: unknown, value: string): boolean => value === ada.id || value === ada.email
    return Promise.resolve(where({}, { eq }) === true ? ada : undefined)
  }
  const database = { query: { users: { findFirst } } } as unknown as LookupSources['database']
  return { limits: createMemoryRateLimits(clock), database }
}

describe('findCounted', () => {
  it('finds a person by mail address and by id alike', async () => {
    const sources = createSources()
    const { identifiers } = sources.limits
    const person = {
      account: await identifiers.of({ email: ada.email }),
      user: await identifiers.of({ userId: ada.id }),
    }
    expect(await findCounted(' Ada@Codex.example', sources)).toEqual(person)
    expect(await findCounted(ada.id, sources)).toEqual(person)
  })

  it('finds the account of a mail address that nobody has, because attempts at it are counted', async () => {
    const sources = createSources()
    const account = await sources.limits.identifiers.of({ email: 'nobody@codex.example' })
    expect(await findCounted('nobody@codex.example', sources)).toEqual({ account })
  })

  it('finds a network by any of its addresses, and an identifier as it is', async () => {
    const sources = createSources()
    const address = await sources.limits.identifiers.of({ address: '203.0.113.7' })
    expect(await findCounted('::ffff:203.0.113.7', sources)).toEqual({ address })
    expect(await findCounted(address, sources)).toEqual({ address })
  })

  it('finds nobody where there is nobody', async () => {
    expect(await findCounted('user-unknown', createSources())).toBeNull()
  })
})

describe('readLimitLines', () => {
  it('shows every limit that counts a person, with what is left, blocked and overridden', async () => {
    const sources = createSources()
    const { limits } = sources
    const found = await findCounted(ada.email, sources)
    if (!found) throw new Error('Expected Ada')
    const login = keyOf('login', found)
    const api = keyOf('api', found)
    if (!login || !api) throw new Error('Expected the keys of a person')
    await limits.check('login', [{ policy: 'login', email: ada.email }])
    await limits.block(login, 90)
    await limits.override(api, { limit: 7, ttlSeconds: 60 })

    const { lines, problem } = await readLimitLines(limits, found, { nowMs: 900_000 })
    expect(problem).toBeNull()
    expect(lines.map(({ policy, countedBy }) => `${policy} by ${countedBy}`)).toEqual([
      'login by account',
      'passwordReset by account',
      'verifyEmail by account',
      'api by user',
      'upload by user',
    ])
    expect(lines[0]).toEqual({
      policy: 'login',
      countedBy: 'account',
      limit: 5,
      used: 1,
      remaining: 4,
      resetInSeconds: 900,
      blockedForSeconds: 90,
      override: null,
      windowMinutes: 15,
      maxOverride: 500,
    })
    expect(lines[3]).toMatchObject({ limit: 7, override: { limit: 7, secondsLeft: 60 } })
  })

  it('shows of a network what counts networks', async () => {
    const sources = createSources()
    const found = await findCounted('203.0.113.7', sources)
    const { lines } = await readLimitLines(sources.limits, found ?? {})
    expect(lines.map(({ policy }) => policy)).toEqual([
      'loginAddress',
      'register',
      'passwordReset',
      'verifyEmail',
      'api',
    ])
    expect(keyOf('upload', found ?? {})).toBeNull()
  })

  it('says so when the coordinator does not answer', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue(undefined)
    const { limits } = createSources()
    vi.spyOn(limits, 'getStatus').mockRejectedValue(new Error('Network connection lost.'))
    const { lines, problem } = await readLimitLines(limits, { user: 'user:a' })
    expect(lines).toEqual([])
    expect(problem).toBe('The coordinator did not answer. Try again in a moment.')
    expect(error).toHaveBeenCalledOnce()
    error.mockRestore()
  })
})
