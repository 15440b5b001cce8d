import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../../src/lib/load/config-schema.ts'
import { createJsonSchemaValidator } from '../../src/lib/load/json-schema-validator.ts'

// JSON-Schema-Test-Suite, draft 2020-12. Its npm package takes it from a Git address, which cannot be had everywhere: it runs where
// JSON_SCHEMA_TEST_SUITE is the path of a clone. Where it is not, json-schema-validator.test.ts has a table of our own.
const suite = process.env.JSON_SCHEMA_TEST_SUITE
const page = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../../../docs/json-schema-conformance.md',
)

interface Group {
  readonly schema: JsonSchema
  readonly tests: readonly {
    readonly data: unknown
    readonly valid: boolean
  }[]
}

interface Tally {
  passed: number
  refused: number
  all: number
  wrong: number
}

function run(file: string): Tally {
  const tally: Tally = { passed: 0, refused: 0, all: 0, wrong: 0 }
  for (const group of JSON.parse(readFileSync(file, 'utf8')) as Group[]) {
    for (const { data, valid } of group.tests) {
      tally.all++
      try {
        const isValid = createJsonSchemaValidator(group.schema).validate(data).length === 0
        if (isValid === valid) tally.passed++
        else tally.wrong++
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        tally.refused++
      }
    }
  }
  return tally
}

function runFolder(folder: string): ReadonlyMap<string, Tally> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return new Map(names.map((name) => [name.slice(0, -5), run(join(folder, name))]))
}

function sum(tallies: ReadonlyMap<string, Tally>): Tally {
  const total: Tally = { passed: 0, refused: 0, all: 0, wrong: 0 }
  for (const tally of tallies.values()) {
    total.passed += tally.passed
    total.refused += tally.refused
    total.all += tally.all
    total.wrong += tally.wrong
  }
  return total
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return `| ${cells.join(' | ')} |`
  }
  const [head = [], ...body] = rows
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n')
}

function section(tallies: ReadonlyMap<string, Tally>): string {
  const cells = (name: string, { all, passed, refused, wrong }: Tally): string[] => [
    name,
    ...[all, passed, refused, wrong].map(String),
  ]
  return table([
    ['Keyword', 'Tests', 'Pass', 'Refused', 'Wrong'],
    ...Array.from(tallies, ([name, tally]) => cells(`\`${name}\``, tally)),
    cells('all', sum(tallies)),
  ])
}

function percent({ passed, all }: Tally): string {
  return ((passed / all) * 100).toFixed(1)
}

describe('JSON-Schema-Test-Suite', () => {
  const folder = join(suite ?? '', 'tests/draft2020-12')

  test('passes as docs/json-schema-conformance.md says', async () => {
    const required = runFolder(folder)
    const formats = runFolder(join(folder, 'optional/format'))
    const total = sum(required)
    await expect(`# JSON Schema, keyword by keyword

What the JSON Schema validator of \`@codex/config\` makes of [JSON-Schema-Test-Suite](https://github.com/json-schema-org/JSON-Schema-Test-Suite), draft 2020-12. It is
\`@cfworker/json-schema\`, which evaluates no code and so runs on Workers, behind a check of the schema itself. ${total.passed} of the ${total.all} required
tests pass (${percent(total)} %), in ${total.refused} the schema is refused with a \`TypeError\` before anything is validated, and ${total.wrong} are answered wrongly.

- **Refused**, so that nothing is let through that a schema forbids: \`$dynamicRef\` and \`$dynamicAnchor\`; a \`$ref\` to what is not within the schema, since
  none is ever fetched, the meta-schema included; a \`$schema\` of another draft or of one's own.
- **Wrong on purpose**: \`format\` is checked, where the draft has it say nothing by default.
- **Wrong**: in \`ref\`, an \`$anchor\` of one name in two schemas, one of which changes its address with \`$id\`.

This page is written by \`JSON_SCHEMA_TEST_SUITE=<clone> vitest run -u test/node/json-schema-test-suite.test.ts\`; without \`-u\` it is held to what comes out.

## Required

${section(required)}

## Formats

Optional in the draft. Formats that the validator does not know, such as those that begin with \`idn\` and \`iri\`, are not checked. A \`hostname\` may have
labels in punycode that mean nothing.

${section(formats)}
`).toMatchFileSnapshot(page)
  })
})
