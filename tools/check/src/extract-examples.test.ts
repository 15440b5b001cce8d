import { expect, it } from 'vitest'
import { extractExamples } from './extract-examples.ts'

it('finds blocks of TypeScript and where they begin', () => {
  const text = ['# Title', '```ts', 'const a = 1', '', 'a + 1', '```', '```sh', 'ls', '```'].join(
    '\n',
  )
  expect(extractExamples(text)).toEqual([{ code: 'const a = 1\n\na + 1', line: 3 }])
})

it('leaves out blocks marked no-check', () => {
  expect(extractExamples('```ts no-check\nbroken(\n```\n```ts\nfine()\n```')).toEqual([
    { code: 'fine()', line: 5 },
  ])
})

it('reads examples in docstrings and indented lists', () => {
  const docstring = '/**\n * ```ts\n * if (a) {\n *   b()\n *\n * }\n * ```\n */'
  expect(extractExamples(docstring)).toEqual([{ code: 'if (a) {\n  b()\n\n}', line: 3 }])
  expect(extractExamples('- item\n  ```ts\n  a()\n  ```')).toEqual([{ code: 'a()', line: 3 }])
})
