import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { repositoryRoot } from './run-command.ts'

interface Rule {
  readonly id: string
  readonly 'RFC 2119 keyword'?: string | null
  readonly children?: readonly Rule[]
}

const fixtures = 'packages/cloudflare-clients/test/fixtures/openfeature'
const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')
const page = read('docs/openfeature-conformance.md')
const { rules } = JSON.parse(read(`${fixtures}/specification.json`)) as {
  readonly rules: readonly Rule[]
}

/** Rules with their keyword, by number. Conditions have none. */
function toKeywords(
  parts: readonly Rule[],
): readonly (readonly [number: string, keyword: string])[] {
  return parts.flatMap(({ id, 'RFC 2119 keyword': keyword, children = [] }) => [
    ...(keyword ? [[id.split(' ').at(-1) ?? '', keyword] as const] : []),
    ...toKeywords(children),
  ])
}

const keywords = new Map(toKeywords(rules))
const rows = [...page.matchAll(/^\| (\d[\d.]+) +\| ([A-Z ]+?) +\| (.*?) +\| (.*?) *\|$/gm)].map(
  ([, number = '', keyword = '', , shown = '']) => ({ number, keyword, shown }),
)
const files = new Map(
  [...page.matchAll(/^- `(\w+)`: `([^`]+)`$/gm)].map(([, name = '', path = '']) => [
    name,
    read(path),
  ]),
)

it('names rules of the specification, each with its keyword', () => {
  expect(rows.length).toBeGreaterThan(60)
  for (const { number, keyword } of rows)
    expect([number, keyword]).toEqual([number, keywords.get(number)])
})

it('leaves out none of its sections 2 to 6, and says none twice', () => {
  const [, others = ''] = page.split("## Not the provider's part")
  const named = [...rows.map(({ number }) => number), ...(others.match(/\d+(?:\.\d+)+/g) ?? [])]
  expect(new Set(named).size).toBe(named.length)
  const wanted = [...keywords.keys()].filter((number) => !number.startsWith('1.'))
  expect(wanted.filter((number) => !named.includes(number))).toEqual([])
})

it('names tests and scenarios that there are', () => {
  const missing = rows.filter(({ shown }) => {
    const [file = '', title = ''] = shown.split(/: (.*)/s)
    return shown !== '' && !files.get(file)?.includes(title)
  })
  expect(missing).toEqual([])
})

it('counts the scenarios as they are run', () => {
  const counts = [
    ...read('packages/cloudflare-clients/test/openfeature/conformance.test.ts').matchAll(
      /'(\w+\.feature)'.*count: (\d+)/g,
    ),
  ].map(([, file = '', count = '']) => `${count} of \`${file}\``)
  expect(counts).toHaveLength(5)
  const text = page.replaceAll('\n', ' ')
  for (const count of counts) expect(text).toContain(count)
})
