import type { FlagRuleset, StoredFlag } from '@codex/cloudflare-clients/feature-flags'
import { describe, expect, it } from 'vitest'
import { changedFields, findFlag, listFlags, listSegments } from './flag-summary.ts'
import { siteFlags, siteRuleset } from './site-ruleset.ts'

function rulesetOf(flags: Readonly<Record<string, StoredFlag>>): FlagRuleset {
  return { format: 1, version: 9, changedAtMs: 1, flags }
}

function statusOf(flag: Partial<StoredFlag>): string | undefined {
  const lines = listFlags(rulesetOf({ a: { enabled: true, version: 1, ...flag } }))
  return lines.find(({ name }) => name === 'a')?.status
}

describe('the list of flags', () => {
  it('has those of the app before anything was written', () => {
    const lines = listFlags(siteRuleset)
    expect(lines.map(({ name, version }) => [name, version])).toEqual([
      ['maintenance-mode', 0],
      ['new-item-page', 0],
      ['upload-size', 0],
    ])
    expect(lines.map(({ status }) => status)).toEqual([
      'Off for everybody',
      'On for 0 %',
      '“customer” for all others · 2 rules',
    ])
  })

  it('says of a flag that the app asks for and that was not written that it has no effect', () => {
    const lines = listFlags(rulesetOf({ other: { enabled: true, version: 3 } }))
    expect(lines.map(({ name, version, status }) => [name, version, status])).toEqual([
      ['maintenance-mode', 0, 'Not stored: the app does as if it were off'],
      ['new-item-page', 0, 'Not stored: the app does as if it were off'],
      ['other', 3, 'On for everybody'],
      ['upload-size', 0, 'Not stored: the app does as if it were off'],
    ])
  })

  it.each([
    [{ enabled: false, percentage: 50 }, 'Off for everybody'],
    [
      { percentage: 12.5, allow: ['x'], block: ['y', 'z'] },
      'On for 12.5 % · 1 allowed · 2 blocked',
    ],
    [
      {
        split: [
          { variant: 'red', weight: 1 },
          { variant: 'blue', weight: 3 },
        ],
      },
      'red 1 : blue 3',
    ],
    [
      { startsAt: '2026-01-01T00:00:00Z', endsAt: '2026-02-01T00:00:00Z' },
      'On for everybody · from 2026-01-01T00:00:00Z · until 2026-02-01T00:00:00Z',
    ],
  ])('says in short whom a flag gives what: %j', (flag, status) => {
    expect(statusOf(flag)).toBe(status)
  })
})

it('finds a flag as it is stored, else as the app brings it, and by its own name only', () => {
  const stored = { enabled: true, version: 4 }
  const ruleset = rulesetOf({ 'new-item-page': stored })
  expect(findFlag(ruleset, 'new-item-page')).toBe(stored)
  expect(findFlag(ruleset, 'upload-size')).toEqual({ ...siteFlags['upload-size'], version: 0 })
  expect(findFlag(ruleset, 'constructor')).toBeNull()
  expect(findFlag(ruleset, '__proto__')).toBeNull()
})

it('names the fields in which two definitions differ, and not the version', () => {
  const before = { enabled: true, version: 1, percentage: 5, rules: [{ variant: 'a' }] }
  const after = { enabled: true, version: 2, percentage: 6, rules: [{ variant: 'a' }], allow: [] }
  expect(changedFields(before, after)).toEqual(['percentage', 'allow'])
  expect(changedFields(null, { enabled: true })).toEqual(['enabled'])
})

describe('the list of segments', () => {
  it('names who rests on each, and only those', () => {
    const when = { attribute: 'role', op: 'eq', value: 'owner' } as const
    const rules = [{ when: { any: [{ not: { segment: 'staff' } }] }, variant: 'on' }]
    const ruleset: FlagRuleset = {
      format: 1,
      version: 4,
      changedAtMs: 0,
      flags: {
        beta: { enabled: true, version: 3, rules },
        staff: { enabled: true, version: 4, description: '{"segment":"staff"}' },
      },
      segments: {
        team: { when: { all: [{ segment: 'staff' }, when] }, version: 2 },
        staff: { when, description: 'Who works here', version: 1 },
      },
    }
    expect(listSegments(ruleset)).toEqual([
      { name: 'staff', version: 1, description: 'Who works here', usedBy: ['beta', 'team'] },
      { name: 'team', version: 2, description: '', usedBy: [] },
    ])
    expect(listSegments({ ...ruleset, segments: undefined as never })).toEqual([])
  })
})
