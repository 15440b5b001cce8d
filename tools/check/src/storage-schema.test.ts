import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPatterns } from '@codex/cloudflare-clients'
import { expect, test } from 'vitest'
import { repositoryRoot } from './run-command.ts'

const schema = readFileSync(join(repositoryRoot, 'docs/storage-schema.md'), 'utf8')

/** The keys in the first column of the tables under a heading. */
function documentedKeys(heading: string): string[] {
  const section = schema.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, key = '']) => key)
}

const sources = new Map(
  globSync(['packages/*/src/**/*.ts', 'workers/*/src/**/*.ts', 'apps/*/src/**/*.ts'], {
    cwd: repositoryRoot,
  })
    .filter((file) => !file.includes('.test.') && !file.startsWith('packages/cloudflare-clients/'))
    .map((file) => [file, readFileSync(join(repositoryRoot, file), 'utf8')]),
)

/** A key with what varies in it left open: `cache:content:item:{}`. */
function shapeOf(key: string): string {
  return key.replaceAll(/\{\w+\}/g, '{}')
}

/** Where the code that ships builds which cache entry: the shape of every `keys.cache('feature', …)`. */
function usedCacheKeys(): Map<string, string> {
  const used = new Map<string, string>()
  for (const [file, source] of sources) {
    for (const [, parts = ''] of source.matchAll(/keys\.cache\(([^)]*)\)/g)) {
      const shapes = parts
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map((part) => /^'([^']*)'$/.exec(part)?.[1] ?? '{}')
      used.set(['cache', ...shapes].join(':'), file)
    }
  }
  return used
}

test('lists exactly the key patterns that the clients write', () => {
  expect(documentedKeys('Patterns').toSorted()).toEqual(Object.values(keyPatterns).toSorted())
})

test('has a row for every cache entry that the code builds, and no other', () => {
  const documented = documentedKeys('Cache entries').map(shapeOf)
  const used = usedCacheKeys()
  const missing = [...used]
    .filter(([shape]) => !documented.includes(shape))
    .map(([shape, file]) => `docs/storage-schema.md has no row for ${shape}, built in ${file}`)
  const stale = documented
    .filter((shape) => !used.has(shape))
    .map((shape) => `docs/storage-schema.md has a row for ${shape}, which nothing builds`)
  expect([...missing, ...stale]).toEqual([])
  expect(used.size).toBeGreaterThan(5)
})

test('has a row for what every KVStore of the code holds', () => {
  const documented = documentedKeys('Patterns')
  for (const [file, source] of sources) {
    for (const [, prefix = ''] of source.matchAll(/new KVStore\([^{]*\{\s*prefix: '([^']+)'/g)) {
      expect(
        documented.some((key) => key.startsWith(`${prefix}:`)),
        `docs/storage-schema.md has no row for ${prefix}:…, kept in ${file}`,
      ).toBe(true)
    }
  }
})

test('says who writes and reads every key, how long it lives and what it holds', () => {
  const rows = schema.split('\n').filter((line) => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(10)
  for (const row of rows) {
    const cells = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    expect(
      cells.filter((cell) => cell === ''),
      row,
    ).toEqual([])
  }
})
