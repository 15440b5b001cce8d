import { readFileSync } from 'node:fs'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { expect, it } from 'vitest'
import { appFolder, readText } from './manifests.ts'

const text = readText('Dockerfile')
const dockerfile = DockerfileParser.parse(text)
const instructions = dockerfile.getInstructions().map((instruction) => ({
  keyword: instruction.getKeyword(),
  text: instruction.getArgumentsContent() ?? '',
}))
const last = (keyword: string): string =>
  instructions.findLast((instruction) => instruction.keyword === keyword)?.text ?? ''

interface Manifest {
  readonly name?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

function readPackage(folder: string): Manifest {
  return JSON.parse(readFileSync(`${appFolder}/../../${folder}/package.json`, 'utf8')) as Manifest
}

it('is a Dockerfile without faults', () => {
  expect(validate(text)).toEqual([])
  expect(validate(text.replace('EXPOSE 8080', 'EXPOSE eighty'))).toHaveLength(1)
})

it('builds in one stage and runs in another, both on the Node that the repository is pinned to', () => {
  const { devDependencies } = readPackage('.')
  const images = dockerfile.getFROMs().map((from) => from.getImage())
  expect(images).toEqual(Array(2).fill(`node:${devDependencies?.node}-bookworm-slim`))
})

it('does not run as root, and hands signals to node itself', () => {
  expect(last('USER')).toBe('1000:1000')
  expect(JSON.parse(last('ENTRYPOINT'))).toEqual(['node', '--enable-source-maps', 'main.mjs'])
})

it('takes nothing but what was built into the image', () => {
  const copies = [...text.matchAll(/^COPY (.*)$/gm)].map(([, what]) => what)
  expect(copies).toEqual(['. .', '--from=build /repository/apps/bot-example/dist/ ./'])
  expect(instructions.some(({ keyword }) => keyword === 'ADD')).toBe(false)
})

it('installs with the package manager of the repository', () => {
  const { packageManager } = readPackage('.') as { readonly packageManager?: string }
  const named = [...text.matchAll(/pnpm@[\d.]+/g)].map(([name]) => name)
  expect(named).toEqual(Array(named.length).fill(packageManager))
})

it('is given every package of the workspace that the bot needs, and no other', () => {
  const found = new Set<string>()
  const visit = (folder: string): void => {
    if (found.has(folder)) return
    found.add(folder)
    const { dependencies, devDependencies } = readPackage(folder)
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (version.startsWith('workspace:')) visit(name.replace('@codex/', 'packages/'))
    }
  }
  visit('apps/bot-example')
  const allowed = [...readText('Dockerfile.dockerignore').matchAll(/^!((?:apps|packages)\/.*)$/gm)]
  expect(allowed.map(([, folder]) => folder).toSorted()).toEqual([...found].toSorted())
})
