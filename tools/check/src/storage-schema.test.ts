import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPatterns } from '@codex/cloudflare-clients'
import { expect, test } from 'vitest'
import { repositoryRoot } from './run-command.ts'

const schema = readFileSync(join(repositoryRoot, 'docs/storage-schema.md'), 'utf8')

function sectionOf(heading: string): string {
  return schema.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
}

/** The keys in the first column of the tables under a heading. */
function documentedKeys(heading: string): string[] {
  return [...sectionOf(heading).matchAll(/^\| `([^`]+)`/gm)].map(([, key = '']) => key)
}

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

const sources = new Map(
  globSync(['packages/*/src/**/*.ts', 'workers/*/src/**/*.ts', 'apps/*/src/**/*.ts'], {
    cwd: repositoryRoot,
  })
    .filter((file) => !/\.test\.|^packages\/(?:cloudflare-clients|benchmarks)\//.test(file))
    .map((file) => [file, readFileSync(join(repositoryRoot, file), 'utf8')]),
)

/** What the document and the code say of a definition, as they write it. */
interface Definition {
  readonly name: string
  readonly fresh: string
  readonly stale: string
  readonly staleIfError: string
  readonly memory: string
}

/** Every definition of the code that ships, by the file it is in. */
function usedDefinitions(): (Definition & { readonly file: string })[] {
  return [...sources].flatMap(([file, source]) =>
    Array.from(
      source.matchAll(/\.define<[^(]*>\('([^']+)', \{\n( +)(.*?)\n(?! *\2)/gs),
      (match) => {
        const [, name = '', indentation = '', options = ''] = match
        // The definition's own options and not those of what is nested in them.
        const own = new Map(
          Array.from(
            `${indentation}${options}`.matchAll(
              new RegExp(`^${indentation}(\\w+): (.*?),?$`, 'gm'),
            ),
            ([, option = '', value = '']) => [option, value.replaceAll("'", '')],
          ),
        )
        const memory = own.get('memory') ?? (/^ +memory,$/m.test(options) ? constantIn(source) : '')
        return {
          file,
          name,
          fresh: own.get('fresh') ?? '',
          stale: own.get('stale') ?? '–',
          staleIfError: own.get('staleIfError') ?? '–',
          memory: memory === 'false' ? 'none' : memory === '' ? 'default' : memory,
        }
      },
    ),
  )
}

/** What several definitions of a file share. */
function constantIn(source: string): string {
  return /^const memory = '([^']+)'$/m.exec(source)?.[1] ?? ''
}

/** What the rows say. Those of one definition say the same, so they come to one. */
function documentedDefinitions(): Definition[] {
  const rows = sectionOf('Cache entries').matchAll(/^\| `cache:([^:`]+):[^`]+`(.*)$/gm)
  const definitions = Array.from(rows, ([, name = '', rest = '']): [string, Definition] => {
    const [fresh = '', stale = '', staleIfError = '', memory = ''] = cellsOf(rest)
    const definition = { name, fresh, stale, staleIfError, memory }
    return [JSON.stringify(definition), definition]
  })
  return [...new Map(definitions).values()]
}

test('lists exactly the key patterns that the clients write', () => {
  expect(documentedKeys('Patterns').toSorted()).toEqual(Object.values(keyPatterns).toSorted())
})

test('has a row for every cache definition of the code, with its times, and no other', () => {
  const used = usedDefinitions()
  expect(used.length).toBeGreaterThan(5)
  const byName = (a: Definition, b: Definition): number => a.name.localeCompare(b.name)
  expect(documentedDefinitions().toSorted(byName)).toEqual(
    used.map(({ file: _file, ...definition }) => definition).toSorted(byName),
  )
})

test('sees every definition and every cache key that the code makes', () => {
  const count = (pattern: RegExp): number =>
    [...sources.values()].reduce((sum, source) => sum + [...source.matchAll(pattern)].length, 0)
  // What passes a definition on has no name to document, and what is built without a definition would have no row.
  expect(count(/\.define(?:<[^(]*>)?\(\s*['"`]/g)).toBe(usedDefinitions().length)
  expect(count(/keys\.cache\(\s*['"`]/g)).toBe(0)
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

test('has a row for every column of the Durable Objects, and for every field of what is kept as JSON', () => {
  const library = join(repositoryRoot, 'packages/cloudflare-clients/src/lib')
  const keysOf = (sqlFile: string, rowFile: string, interfaces: readonly string[]): string[] => {
    const [sql, types] = [sqlFile, rowFile].map((file) => readFileSync(join(library, file), 'utf8'))
    const [, table = '', columns = ''] =
      /CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\) WITHOUT ROWID/.exec(sql ?? '') ?? []
    const names = columns.split(', ').map((column) => column.split(' ')[0] ?? '')
    const fields = interfaces.flatMap((name) => {
      const [, body = ''] =
        new RegExp(`interface ${name}(?: extends \\w+)? \\{\n(.*?)\n\\}`, 's').exec(types ?? '') ??
        []
      return Array.from(body.matchAll(/readonly (\w+)\??:/g), ([, field = '']) => field)
    })
    expect(names).toContain('row')
    expect(fields.length).toBeGreaterThan(3)
    return [
      ...names.map((name) => `${table}.${name}`),
      ...[...new Set(fields)].map((name) => `${table}.row.${name}`),
    ]
  }
  const documented = documentedKeys('Durable Objects').filter(
    (key) => !/^(preferences|definitions|history|standing)\./.test(key),
  )
  expect(documented.toSorted()).toEqual(
    [
      ...keysOf('rate-limiter/sql-limit-storage.ts', 'rate-limiter/limit-row.ts', ['LimitRow']),
      ...keysOf('session/sql-session-storage.ts', 'session/session-storage.ts', [
        'KeptRow',
        'LiveSessionRow',
        'EndedSessionRow',
        'SessionUserRow',
      ]),
    ].toSorted(),
  )
})

test('has a row for every column of what flags are kept as, and for every field of where they stand', () => {
  const folder = join(repositoryRoot, 'packages/cloudflare-clients/src/lib/feature-flags')
  const sql = readFileSync(join(folder, 'sql-flag-storage.ts'), 'utf8')
  const types = readFileSync(join(folder, 'flag-storage.ts'), 'utf8')
  const columns = Array.from(
    sql.matchAll(/CREATE TABLE IF NOT EXISTS (\w+) \((.*?)(?:, PRIMARY KEY \(.*?\))?\)[ ']/g),
    ([, table = '', list = '']) =>
      list.split(', ').map((column) => `${table}.${column.split(' ')[0] ?? ''}`),
  )
  const fields = ['FlagStateRow', 'FlagOutboxRow'].map((name) => {
    const [, body = ''] = new RegExp(`interface ${name} \\{\n(.*?)\n\\}`, 's').exec(types) ?? []
    return Array.from(body.matchAll(/readonly (\w+)\??:/g), ([, field = '']) => field)
  })
  expect([columns.length, ...fields.map(({ length }) => length)]).toEqual([3, 2, 6])
  const documented = documentedKeys('Durable Objects').filter((key) =>
    /^(definitions|history|standing)\./.test(key),
  )
  expect(documented.toSorted()).toEqual(
    [...columns.flat(), ...fields.flat().map((field) => `standing.row.${field}`)].toSorted(),
  )
})

test('has a row for every column of what configurations are kept as, and for every field of where they stand', () => {
  const folder = join(repositoryRoot, 'packages/config/src/lib/publish')
  const sql = readFileSync(join(folder, 'sql-config-storage.ts'), 'utf8')
  const types = readFileSync(join(folder, 'config-storage.ts'), 'utf8')
  const columns = Array.from(
    sql.matchAll(/CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\)[ ']/g),
    ([, table = '', list = '']) =>
      list.split(', ').map((column) => `${table}.${column.split(' ')[0] ?? ''}`),
  )
  const fields = ['ConfigStateRow', 'ConfigOutboxRow'].map((name) => {
    const [, body = ''] = new RegExp(`interface ${name} \\{\n(.*?)\n\\}`, 's').exec(types) ?? []
    return Array.from(body.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, field = '']) => field)
  })
  expect([columns.length, ...fields.map(({ length }) => length)]).toEqual([4, 4, 7])
  expect(documentedKeys('Configurations').toSorted()).toEqual(
    [...columns.flat(), ...fields.flat().map((field) => `standing.row.${field}`)].toSorted(),
  )
})

test('says where bodies of configurations are as the library does', () => {
  const file = 'packages/config/src/lib/read-config-document.ts'
  const source = readFileSync(join(repositoryRoot, file), 'utf8')
  const [, prefix] = /bodyKeyPrefix = '([^']+)'/.exec(source) ?? []
  expect(keyPatterns.configBody).toBe(`${prefix}{sha256}`)
})

test('has a row for every field of what a user’s preferences are kept as', () => {
  const file = 'packages/cloudflare-clients/src/lib/session/preferences/preferences-authority.ts'
  const source = readFileSync(join(repositoryRoot, file), 'utf8')
  const [, fields = ''] = /interface PreferencesRow \{\n(.*?)\n\}/s.exec(source) ?? []
  const names = Array.from(fields.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, name = '']) => name)
  expect(names.length).toBeGreaterThan(3)
  const documented = documentedKeys('Durable Objects')
  expect(documented.filter((key) => key.startsWith('preferences.')).toSorted()).toEqual(
    names.map((name) => `preferences.${name}`).toSorted(),
  )
})

test('says who writes and reads every key, how long it lives and what it holds', () => {
  const rows = schema.split('\n').filter((line) => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(10)
  for (const row of rows) {
    expect(
      cellsOf(row).filter((cell) => cell === ''),
      row,
    ).toEqual([])
  }
})
