import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileReferences } from './file-references.ts'

let folder = ''
const signal = new AbortController().signal
const read = (key: string, root = 'root'): Promise<string | null> =>
  fileReferences({ root: join(folder, root) }).get(key, { signal })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-config-files-'))
  const root = join(folder, 'root')
  await mkdir(join(root, '..data/sub'), { recursive: true })
  await mkdir(join(folder, 'root-of-another'))
  await writeFile(join(folder, 'outside'), 'hunter2')
  await writeFile(join(folder, 'root-of-another/file'), 'hunter2')
  await writeFile(join(root, '..data/password'), 'correct horse\n')
  await writeFile(join(root, '..data/sub/lines'), 'a\n\nb\r\n\r\n')
  await writeFile(join(root, 'empty'), '')
  await writeFile(join(root, 'bytes'), new Uint8Array([0xff, 0xfe]))
  await writeFile(join(root, 'full'), 'x'.repeat(1_048_576))
  await writeFile(join(root, 'large'), 'x'.repeat(1_048_577))
  // As Kubernetes mounts a secret.
  await symlink('..data/password', join(root, 'password'))
  await symlink('../outside', join(root, 'escape'))
  await symlink('nothing', join(root, 'dangling'))
  await symlink('root', join(folder, 'link'))
})

afterAll(() => rm(folder, { recursive: true }))

test('reads what is below the root, without one newline at the end', async () => {
  expect(await read('password')).toBe('correct horse')
  expect(await read('..data/sub/lines')).toBe('a\n\nb\r\n')
  expect(await read('empty')).toBe('')
  expect(await read('password', 'link')).toBe('correct horse')
  expect(await read('full')).toHaveLength(1_048_576)
})

test.each(['none', 'none/none', 'dangling', 'password/x'])('there is no %s', async (key) => {
  expect(await read(key)).toBeNull()
})

test.each([
  '../outside',
  '../root-of-another/file',
  'sub/../../outside',
  '..',
  '.',
  '',
  '/etc/hostname',
  'escape',
  'a\0b',
])('refuses to leave the root: %j', async (key) => {
  await expect(read(key)).rejects.toThrow(
    /Cannot read file: a (path|link) within the root was wanted/,
  )
})

test.each([
  ['a folder', '..data', TypeError],
  ['more than 1 MiB', 'large', RangeError],
  ['what is not UTF-8', 'bytes', TypeError],
])('refuses %s', async (_, key, kind) => {
  await expect(read(key)).rejects.toThrow(kind)
})

test('is secret unless it is said not to be', () => {
  expect(fileReferences({ root: '/run/secrets' }).isSecret).toBe(true)
  expect(fileReferences({ root: '/run/secrets', isSecret: false }).isSecret).toBe(false)
  expect(() => fileReferences({ root: '' })).toThrow(TypeError)
})
