import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { repositoryRoot } from './run-command.ts'

/** Pages in docs/security say which test shows what: "- `path`: title". */
it('the tests that the security pages name are there', () => {
  const named = globSync('docs/security/*.md', { cwd: repositoryRoot }).flatMap((page) =>
    [...readFileSync(join(repositoryRoot, page), 'utf8').matchAll(/^- `([^`]+)`: (.+)$/gm)].map(
      ([, path = '', title = '']) => ({ path, title }),
    ),
  )
  expect(named.length).toBeGreaterThan(10)
  const missing = named.filter(
    ({ path, title }) => !readFileSync(join(repositoryRoot, path), 'utf8').includes(title),
  )
  expect(missing).toEqual([])
})
