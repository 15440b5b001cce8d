import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { globSync } from 'node:fs'
import { keyPatterns } from '@codex/cloudflare-clients'
import { expect, test } from 'vitest'
import { repositoryRoot } from './run-command.ts'

const schema = await readFile(join(repositoryRoot, 'docs/storage-schema.md'), 'utf8')

/** The keys in the first column of the tables under a heading. */
function documentedKeys(heading: string): string[] {
  const section = schema.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, key = '']) => key)
}

/** The features of every `keys.cache('feature', …)` and `keys.cachePrefix('feature')` in the code that ships. */
async function usedCacheFeatures(): Promise<Set<string>> {
  const files = globSync(
    ['packages/*/src/**/*.ts', 'workers/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
    {
      cwd: repositoryRoot,
    },
  ).filter((file) => !file.includes('.test.') && !file.startsWith('packages/cloudflare-clients/'))
  const sources = await Promise.all(
    files.map((file) => readFile(join(repositoryRoot, file), 'utf8')),
  )
  return new Set(
    sources.flatMap((source) =>
      [...source.matchAll(/keys\.cache(?:Prefix)?\(\s*'([^']+)'/g)].map(
        ([, feature = '']) => feature,
      ),
    ),
  )
}

test('lists exactly the key patterns that the clients write', () => {
  expect(documentedKeys('Patterns').toSorted()).toEqual(Object.values(keyPatterns).toSorted())
})

test('lists exactly the cache features that the code uses', async () => {
  const documented = new Set(documentedKeys('Cache entries').map((key) => key.split(':')[1] ?? ''))
  expect([...documented].toSorted()).toEqual([...(await usedCacheFeatures())].toSorted())
  expect(documented.size).toBeGreaterThan(0)
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
