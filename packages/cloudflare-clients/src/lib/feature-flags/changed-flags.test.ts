import { expect, test } from 'vitest'
import { toChangedFlags } from './changed-flags.ts'
import type { FlagRuleset, StoredFlag } from './flag-ruleset.ts'

const when = (segment: string) => ({ when: { segment } })
const flag = (fields: Partial<StoredFlag> = {}): StoredFlag => ({
  enabled: true,
  version: 1,
  ...fields,
})
const ruleset: FlagRuleset = {
  format: 1,
  version: 1,
  changedAtMs: 0,
  flags: {
    plain: flag(),
    base: flag(),
    rests: flag({ prerequisites: [{ flag: 'base' }] }),
    'rests on "rests"': flag({ prerequisites: [{ flag: 'rests' }] }),
    targeted: flag({ rules: [{ ...when('outer'), variant: 'on' }] }),
  },
  segments: {
    outer: when('inner'),
    inner: { when: { attribute: 'a', op: 'eq', value: 1 } },
  },
}

function changing(flags: Readonly<Record<string, StoredFlag | undefined>>): readonly string[] {
  const entries = Object.entries({ ...ruleset.flags, ...flags }).filter(([, one]) => one)
  return toChangedFlags(ruleset, {
    ...ruleset,
    flags: Object.fromEntries(entries) as FlagRuleset['flags'],
  })
}

test('names no flag where nothing changed', () => {
  expect(toChangedFlags(ruleset, structuredClone(ruleset))).toEqual([])
})

test('names every flag where there were none', () => {
  expect(toChangedFlags(null, ruleset).toSorted()).toEqual(Object.keys(ruleset.flags).toSorted())
})

test('names flags that come, go and change', () => {
  expect(changing({ plain: flag({ version: 2 }) })).toEqual(['plain'])
  expect(changing({ plain: undefined })).toEqual(['plain'])
  expect(changing({ new: flag() })).toEqual(['new'])
})

test('names flags that rest on one that changed', () => {
  expect(changing({ base: flag({ enabled: false }) })).toEqual([
    'base',
    'rests',
    'rests on "rests"',
  ])
})

test('names flags that rest on a segment that changed', () => {
  const segments = { ...ruleset.segments, inner: when('outer') }
  expect(toChangedFlags(ruleset, { ...ruleset, segments })).toEqual(['targeted'])
})
