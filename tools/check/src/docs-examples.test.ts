import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkDocsExamples } from './docs-examples.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'codex-docs-'))
  await mkdir(join(root, 'packages/sums/src'), { recursive: true })
  await writeFile(
    join(root, 'packages/sums/package.json'),
    JSON.stringify({ name: 'sums', type: 'module', exports: './src/index.ts' }),
  )
  await writeFile(
    join(root, 'packages/sums/tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'ESNext',
        moduleResolution: 'bundler',
        target: 'ES2024',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: [],
        allowImportingTsExtensions: true,
      },
    }),
  )
  await writeFile(
    join(root, 'packages/sums/src/index.ts'),
    'export function add(a: number, b: number): number { return a + b }\n',
  )
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

it('accepts examples that use the package as its users do', async () => {
  await writeFile(
    join(root, 'packages/sums/README.md'),
    "```ts\nimport { add } from 'sums'\nconst three: number = add(1, 2)\n```\n```ts\nconst three = 3\n```\n",
  )
  expect(checkDocsExamples(root)).toEqual({ ok: true, detail: '2 examples' })
})

it('compiles what imports Node with the types that the package has for it', async () => {
  const folder = join(root, 'packages/sums')
  await writeFile(
    join(folder, 'tsconfig.node.json'),
    JSON.stringify({ extends: './tsconfig.json', compilerOptions: { types: ['./node.d.ts'] } }),
  )
  const example = "```ts\nimport { three } from 'node:sums'\nconst sum: number = three\n```\n"
  await writeFile(
    join(folder, 'README.md'),
    `${example}\`\`\`ts\nconst three: number = 3\n\`\`\`\n`,
  )
  await writeFile(join(folder, 'node.d.ts'), "declare module 'node:sums' { const three: number }\n")
  expect(checkDocsExamples(root)).toEqual({ ok: true, detail: '2 examples' })
})

it('names the line of an example that does not compile', async () => {
  await writeFile(
    join(root, 'packages/sums/README.md'),
    "# Sums\n\n```ts\nimport { add } from 'sums'\nadd('1', 2)\n```\n",
  )
  const { ok, detail } = checkDocsExamples(root)
  expect(ok).toBe(false)
  expect(detail).toContain('packages/sums/README.md:5')
  expect(detail).toContain("'string' is not assignable to parameter of type 'number'")
})
