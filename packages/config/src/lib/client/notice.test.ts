import { describe, expect, test } from 'vitest'
import { findVersions, isOfSource, parseNotice } from './notice.ts'

const notice = { codexConfig: 1, name: 'production/web', version: 3 } as const

test('is what the publisher sends, and more is passed over', () => {
  expect(parseNotice({ ...notice, sentAtMs: 1 })).toEqual(notice)
})

test.for([
  null,
  undefined,
  'production/web',
  [],
  {},
  { ...notice, codexConfig: 2 },
  { ...notice, name: '' },
  { ...notice, name: 7 },
  { ...notice, version: '3' },
  { ...notice, version: 0 },
  { ...notice, version: -1 },
  { ...notice, version: 1.5 },
  { ...notice, version: NaN },
  { ...notice, version: 2 ** 53 },
])('%j is none', (message) => {
  expect(parseNotice(message)).toBeUndefined()
})

describe('the sources that a document may come from', () => {
  test.for([
    ['kv:production/web', 'production/web', true],
    ['kv:production%2Fweb', 'production/web', true],
    ['kv://main/production/web', 'production/web', true],
    ['kv://account/settings/production/web', 'production/web', true],
    ['kv://main/a%20b', 'a b', true],
    ['kv://main/100%', '100%', true],
    ['kv://main/old-production/web', 'production/web', false],
    ['kv://main/production/web2', 'production/web', false],
    ['kv://main/production/web', 'web2', false],
    // A part of its path: another document may be meant, which costs a load.
    ['kv://main/production/web', 'web', true],
    ['kv:production/*', 'production/web', true],
    ['kv://main/settings/production/*', 'production/web', true],
    ['kv://main/settings/prod*', 'production/web', true],
    ['kv://main/settings/staging/*', 'production/web', false],
    ['kv:*', 'production/web', true],
    ['kv://main/*', 'production/web', true],
    ['kv://0123456789abcdef0123456789abcdef/settings/*', 'production/web', true],
    ['file:config/base.yaml', 'production/web', false],
  ] as const)('%s and %s: %s', ([uri, name, isOf]) => {
    expect(isOfSource(uri, name)).toBe(isOf)
  })
})

test('finds the versions that are in use, or that a source has none yet', () => {
  const sources = ['file:base.yaml', 'kv://main/production/*']
  const find = (name: string) =>
    findVersions({ ...notice, name }, { sources, versions: { 'kv://main/production/web': 2 } })
  expect(find('production/web')).toEqual([2])
  expect(find('production/api')).toEqual([0])
  expect(find('staging/web')).toEqual([])
})
