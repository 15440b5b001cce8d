import { mkdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { CommandFailure } from '../command-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { utf8Length } from './bytes.ts'
import { writeWhole } from './state-file.ts'

/** Bytes of a name in the file systems there are. */
const maxNameBytes = 255

/** Why a key cannot be a path of a file below a folder. `null`: it can. */
function whyNoPath(key: string): string | null {
  for (const name of key.split('/')) {
    if (name === '') return 'it has nothing between two slashes, or at an end'
    if (name === '.' || name === '..') return `it has ${JSON.stringify(name)} between slashes`
    if (name.startsWith('.codex-config-'))
      return 'it has the name of a file that this program keeps'
    // eslint-disable-next-line no-control-regex
    if (/[\\\u0000-\u001f]/.test(name)) return 'it has a backslash or a control character'
    if (utf8Length(name) > maxNameBytes) return `a name in it has over ${maxNameBytes} bytes`
  }
  return null
}

/** Writes a value as the file that its key says, and nowhere else. */
export async function writeKeyFile(
  folder: string,
  file: { readonly key: string; readonly bytes: Uint8Array },
): Promise<void> {
  const { key, bytes } = file
  const refuse = (reason: string): CommandFailure =>
    new CommandFailure(`Cannot write key ${JSON.stringify(key)} as a file: ${reason}`, {
      code: 'invalid',
      exitCode: exitCodes.no,
      hint: 'A file of JSON lines takes every key: codex-config export <kv-uri> <file>.jsonl',
    })
  const reason = whyNoPath(key)
  if (reason !== null) throw refuse(reason)
  const path = join(folder, ...key.split('/'))
  try {
    await mkdir(dirname(path), { recursive: true })
    // A link in the folder could lead out of it.
    const [root, parent] = await Promise.all([realpath(folder), realpath(dirname(path))])
    if (parent !== root && !parent.startsWith(`${root}${sep}`)) {
      throw refuse('a link leads out of the folder')
    }
    await writeWhole(path, bytes)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EISDIR' || code === 'ENOTDIR' || code === 'EEXIST') {
      throw refuse('one of its names is both a file and a folder')
    }
    throw error
  }
}
