import {
  type FlagAuthorityNamespace,
  memoryFlagAuthority,
} from '@codex/cloudflare-clients/feature-flags'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSiteFlags } from './create-site-flags.ts'
import type { SiteFlags } from './create-site-flags.ts'
import {
  changeFlag,
  changeSegment,
  readFlagHistory,
  readFlagsPage,
  renameFlag,
  revertFlag,
} from './flag-desk.ts'
import { findFlag } from './flag-summary.ts'
import { siteFlags } from './site-ruleset.ts'

let authority: FlagAuthorityNamespace
let down: boolean
let flags: SiteFlags

beforeEach(() => {
  down = false
  const memory = memoryFlagAuthority({ kv: createEmptyKV() })
  authority = {
    getByName(name) {
      const calls = memory.getByName(name)
      const check = (): void => {
        if (down) throw new Error('Durable Object storage operation exceeded timeout')
      }
      return {
        getRuleset: async (known) => (check(), calls.getRuleset(known)),
        change: async (request) => (check(), calls.change(request)),
        changeAll: async (request) => (check(), calls.changeAll(request)),
        getHistory: async (request) => (check(), calls.getHistory(request)),
      }
    },
  }
  flags = create()
  for (const level of ['info', 'warn', 'error'] as const) vi.spyOn(console, level).mockReturnValue()
})

afterEach(() => {
  vi.restoreAllMocks()
})

function create(): SiteFlags {
  return createSiteFlags({
    kv: createEmptyKV(),
    authority,
    exposures: undefined,
    environment: 'test',
    secret: 'a secret of tests, longer than 32 characters',
    waitUntil: () => undefined,
  })
}

function set(name: string, percentage: number, ifVersion: number): ReturnType<typeof changeFlag> {
  return changeFlag(flags, {
    name,
    author: 'grace',
    reason: `To ${percentage}`,
    ifVersion,
    done: 'Saved.',
    change: () => ({ enabled: true, percentage }),
  })
}

async function percentageNow(name = 'new-item-page'): Promise<number | undefined> {
  return findFlag((await readFlagsPage(flags)).ruleset, name)?.percentage
}

describe('the first change', () => {
  it('stores what the app brings, so that no other flag of it is lost', async () => {
    expect(await set('new-item-page', 10, 0)).toMatchObject({ status: 200, message: 'Saved.' })
    const { ruleset } = await readFlagsPage(flags)
    expect(Object.keys(ruleset.flags).toSorted()).toEqual(Object.keys(siteFlags).toSorted())
    expect(ruleset.flags['maintenance-mode']).toMatchObject(siteFlags['maintenance-mode'])
    expect(ruleset.flags['upload-size']).toMatchObject(siteFlags['upload-size'])
    expect(await percentageNow()).toBe(10)
  })

  it('does not bring back later what an owner deleted', async () => {
    await set('new-item-page', 10, 0)
    const version = findFlag((await readFlagsPage(flags)).ruleset, 'upload-size')?.version ?? 0
    const deleted = await changeFlag(flags, {
      name: 'upload-size',
      author: 'grace',
      reason: '',
      ifVersion: version,
      done: '',
      change: () => 'delete',
    })
    expect(deleted.status).toBe(200)
    await set('another', 5, 0)
    expect((await readFlagsPage(flags)).ruleset.flags).not.toHaveProperty('upload-size')
  })

  it('of two owners at once is that of one of them, and the other is told', async () => {
    const answers = await Promise.all([set('new-item-page', 10, 0), set('new-item-page', 5, 0)])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
    const { ruleset } = await readFlagsPage(flags)
    expect(Object.keys(ruleset.flags).toSorted()).toEqual(Object.keys(siteFlags).toSorted())
  })
})

describe('a change', () => {
  it('of what somebody else changed meanwhile is refused, and shows what is there now', async () => {
    await set('new-item-page', 10, 0)
    const seen = findFlag((await readFlagsPage(flags)).ruleset, 'new-item-page')?.version ?? 0
    expect((await set('new-item-page', 20, seen)).status).toBe(200)
    const late = await set('new-item-page', 30, seen)
    expect(late).toMatchObject({
      status: 409,
      failed: true,
      theirs: { stored: { percentage: 20 } },
    })
    expect(await percentageNow()).toBe(20)
    const now = late.theirs?.stored?.version ?? 0
    expect((await set('new-item-page', 30, now)).status).toBe(200)
    expect(await percentageNow()).toBe(30)
  })

  it('of what somebody else deleted meanwhile is refused too', async () => {
    await set('another', 10, 0)
    const seen = findFlag((await readFlagsPage(flags)).ruleset, 'another')?.version ?? 0
    await flags.client.deleteFlag('another', { author: 'ada' })
    expect(await set('another', 20, seen)).toMatchObject({ status: 409, theirs: { stored: null } })
  })

  it('that makes no sense is refused with all faults and their paths', async () => {
    const answer = await changeFlag(flags, {
      name: 'new-item-page',
      author: 'grace',
      reason: '',
      ifVersion: 0,
      done: '',
      change: () => ({
        enabled: true,
        percentage: 101,
        rules: [{ when: { attribute: 'role', op: 'eq', value: 'owner' }, variant: 'none' }],
      }),
    })
    expect(answer.status).toBe(400)
    expect(answer.faults.map(({ path }) => path).toSorted()).toEqual([
      'percentage',
      'rules[0].variant',
    ])
  })

  it.each([Number.NaN, -1, 1.5])('with a damaged version is refused: %s', async (version) => {
    expect((await set('new-item-page', 10, version)).status).toBe(400)
  })

  it('of a flag that is not there is refused', async () => {
    const options = { name: 'none', author: 'grace', reason: '', ifVersion: 0, done: '' }
    expect((await changeFlag(flags, { ...options, change: () => null })).status).toBe(404)
  })

  it('without the authority is refused, and the page shows what is known', async () => {
    await set('new-item-page', 10, 0)
    down = true
    expect(await set('new-item-page', 20, 1)).toMatchObject({ status: 503, failed: true })
    const { ruleset, problem } = await readFlagsPage(flags)
    expect(problem).toContain('does not answer')
    expect(findFlag(ruleset, 'new-item-page')?.percentage).toBe(10)
    expect(await readFlagHistory(flags, 'new-item-page')).toBeNull()
  })
})

describe('a rename', () => {
  const rename = (to: string, name = 'another'): ReturnType<typeof renameFlag> =>
    renameFlag(flags, { name, to, author: 'grace', reason: 'A better word' })

  it('leaves everybody where they are, and is in the history of both names', async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `user-${String(i)}`)
    const whoHas = (flag: string): string[] =>
      ids.filter((userId) => flags.client.evaluate(flag, { userId }, false).value)
    await set('another', 30, 0)
    const before = whoHas('another')
    expect(before.length).toBeGreaterThan(20)
    expect(await rename('better')).toMatchObject({ status: 200, failed: false })
    expect(whoHas('better')).toEqual(before)
    const { ruleset } = await readFlagsPage(flags)
    expect(ruleset.flags).not.toHaveProperty('another')
    for (const name of ['another', 'better']) {
      const [change] = (await readFlagHistory(flags, name)) ?? []
      expect(change).toMatchObject({
        renamedFrom: 'another',
        target: { name: 'better' },
        author: 'grace',
        reason: 'A better word',
      })
    }
  })

  it('to what cannot be, or of what others rest on, is refused and says why', async () => {
    await set('another', 30, 0)
    expect(await rename('new-item-page')).toMatchObject({ status: 400, faults: [{ path: 'to' }] })
    expect(await rename('')).toMatchObject({ status: 400, faults: [{ path: 'to' }] })
    expect(await rename('better', 'none')).toMatchObject({
      status: 400,
      faults: [{ path: 'from' }],
    })
    const top = { enabled: true, prerequisites: [{ flag: 'another' }] }
    await flags.client.setFlag('top', top)
    expect(await rename('better')).toMatchObject({
      status: 400,
      faults: [{ path: 'flags["top"].prerequisites[0].flag' }],
    })
    down = true
    expect(await rename('better')).toMatchObject({ status: 503 })
  })
})

describe('a segment', () => {
  const when = { attribute: 'role', op: 'eq', value: 'owner' } as const
  const write = (
    segment: Parameters<typeof changeSegment>[1]['next'],
    ifVersion: number,
    name = 'staff',
  ): ReturnType<typeof changeSegment> =>
    changeSegment(flags, {
      name,
      author: 'grace',
      reason: 'For the trial',
      ifVersion,
      done: 'Saved.',
      next: segment,
    })

  it('is stored beside what the app brings, changed and deleted', async () => {
    expect(await write({ when }, 0)).toMatchObject({ status: 200, message: 'Saved.' })
    const { ruleset } = await readFlagsPage(flags)
    expect(Object.keys(ruleset.flags).toSorted()).toEqual(Object.keys(siteFlags).toSorted())
    const { version = 0 } = ruleset.segments?.staff ?? {}
    expect(await write({ when: { not: when } }, version)).toMatchObject({ status: 200 })
    const changed = (await readFlagsPage(flags)).ruleset.segments?.staff
    expect(changed).toMatchObject({ when: { not: when } })
    expect(await readFlagHistory(flags, 'staff', 'segment')).toMatchObject([
      { before: { when }, author: 'grace', reason: 'For the trial' },
      { before: null },
    ])
    expect(await write(null, changed?.version ?? 0)).toMatchObject({ status: 200 })
    expect((await readFlagsPage(flags)).ruleset.segments).toEqual({})
  })

  it('that somebody else changed, that makes no sense, or that is in use, is kept', async () => {
    await write({ when }, 0)
    const { version = 0 } = (await readFlagsPage(flags)).ruleset.segments?.staff ?? {}
    expect(await write({ when: { not: when } }, version - 1)).toMatchObject({
      status: 409,
      message: expect.stringContaining('changed this segment meanwhile') as unknown,
      theirs: { stored: { when, version } },
    })
    expect(await write({ when: { segment: 'none' } }, version)).toMatchObject({
      status: 400,
      faults: [{ path: 'when.segment' }],
    })
    const rules = [{ when: { segment: 'staff' }, variant: 'on' }]
    await flags.client.setFlag('for-staff', { enabled: true, rules })
    expect(await write(null, version)).toMatchObject({
      status: 400,
      faults: [{ path: 'flags["for-staff"].rules[0].when.segment' }],
    })
    expect((await readFlagsPage(flags)).ruleset.segments).toMatchObject({ staff: { when } })
  })
})

describe('the history', () => {
  it('has author and reason, and a version of it is brought back as a new one', async () => {
    await set('new-item-page', 10, 0)
    const first = findFlag((await readFlagsPage(flags)).ruleset, 'new-item-page')?.version ?? 0
    await set('new-item-page', 20, first)
    const history = await readFlagHistory(flags, 'new-item-page')
    expect(history).toMatchObject([
      { author: 'grace', reason: 'To 20', after: { percentage: 20 } },
      { author: 'grace', reason: 'To 10', version: first, before: { percentage: 0 } },
      { author: 'grace', reason: 'As the app brings it', before: null },
    ])
    const ifVersion = history?.[0]?.version ?? 0
    const back = { name: 'new-item-page', author: 'ada', reason: 'Too soon' }
    const stale = await revertFlag(flags, { ...back, ifVersion: first, toVersion: first })
    expect(stale.status).toBe(409)
    const reverted = await revertFlag(flags, { ...back, ifVersion, toVersion: first })
    expect(reverted).toMatchObject({ status: 200, failed: false })
    expect(await percentageNow()).toBe(10)
  })

  it.each([Number.NaN, 0, 1.5])('is not gone back to a damaged version: %s', async (toVersion) => {
    const back = { name: 'new-item-page', author: 'ada', reason: '', ifVersion: 1, toVersion }
    expect((await revertFlag(flags, back)).status).toBe(400)
  })
})

describe('the log', () => {
  it('says who changed which flag, and not why', async () => {
    await set('new-item-page', 10, 0)
    const lines = vi
      .mocked(console.info)
      .mock.calls.map(([line]) => JSON.parse(String(line)) as object)
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'flag_set', name: 'new-item-page', author: 'grace' }),
    )
    expect(JSON.stringify(lines)).not.toContain('To 10')
  })
})
