import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ConfigFault } from '../../lib/config-error.ts'
import { CommandFailure } from '../command-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { type BulkEntry, parseBulkLine, toBulkValue } from './bulk-entry.ts'
import { compareUtf8 } from './bytes.ts'
import { whyNoEntry } from './check-entry.ts'
import { readLines } from './read-lines.ts'

/** What is to be imported: it was read once, and nothing is wrong with it. */
export interface BulkInput {
  readonly keys: ReadonlySet<string>
  readonly total: number
  /** Of all there is to import, by which a second run knows that it is the same. */
  readonly sha256: string
  /** Where a second run finds what the first one did. `null`: it cannot, of what came through a pipe. */
  readonly statePath: string | null
  read(): AsyncIterable<BulkEntry>
}

interface OpenBulkInputOptions {
  readonly stdin: Readable
  /** What the entries are to be written below. */
  readonly prefix: string
}

/** Opens a file of JSON lines, a folder of files whose paths are keys, or `-`. */
export async function openBulkInput(
  name: string,
  { stdin, prefix }: OpenBulkInputOptions,
): Promise<BulkInput> {
  if (name === '-') {
    const bytes = await buffer(stdin)
    return inspect({ name: '-', prefix, statePath: null, read: () => readEntries([bytes]) })
  }
  const path = resolve(name)
  const statePath = `${path}.import-state.json`
  if ((await stat(path)).isDirectory()) {
    const files = await listFiles(path)
    return inspect({ name, prefix, statePath, read: () => readFiles(path, files) })
  }
  return inspect({ name, prefix, statePath, read: () => readEntries(createReadStream(path)) })
}

/** An entry, or what is wrong with a line. */
type Found = BulkEntry | { readonly fault: string; readonly line: number }

interface BulkReader {
  readonly name: string
  readonly prefix: string
  readonly statePath: string | null
  readonly read: () => AsyncIterable<Found>
}

const maxFaults = 20

/** Reads it all once, so that nothing is written of what is wrong further down. */
async function inspect({ name, prefix, statePath, read }: BulkReader): Promise<BulkInput> {
  const keys = new Set<string>()
  const faults: ConfigFault[] = []
  const hash = createHash('sha256')
  const refuse = (reason: string, line?: number): void => {
    faults.push({ path: '', reason, origin: { uri: name, ...(line !== undefined && { line }) } })
  }
  let position = 0
  for await (const found of read()) {
    position++
    if ('fault' in found) {
      refuse(found.fault, found.line)
      continue
    }
    if (keys.has(found.key)) refuse(`key ${JSON.stringify(found.key)} is there twice`, position)
    const reason = whyNoEntry(found, prefix)
    if (reason !== null) refuse(reason, position)
    keys.add(found.key)
    hash.update(`${JSON.stringify(found)}\n`)
  }
  if (faults.length > 0) {
    const more = faults.length > maxFaults ? `, of which the first ${maxFaults} are` : ''
    throw new CommandFailure(`Cannot import: ${faults.length} faults${more}`, {
      code: 'invalid',
      exitCode: exitCodes.no,
      faults: faults.slice(0, maxFaults),
    })
  }
  return {
    keys,
    total: keys.size,
    sha256: hash.digest('hex'),
    statePath,
    async *read() {
      for await (const found of read()) if (!('fault' in found)) yield found
    },
  }
}

async function* readEntries(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Found, void, undefined> {
  let line = 0
  for await (const text of readLines(toAsync(stream))) {
    line++
    if (text.trim() === '') continue
    const parsed = parseBulkLine(text)
    yield parsed.ok ? parsed.entry : { fault: parsed.reason, line }
  }
}

async function* toAsync(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* stream
}

/** Regular files of a folder and of those in it, in the order of their keys. What this program keeps beside them is none of them. */
async function listFiles(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.codex-config-'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort(compareUtf8)
}

async function* readFiles(
  folder: string,
  files: readonly string[],
): AsyncGenerator<Found, void, undefined> {
  for (const file of files) {
    const key = file.split(sep).join('/')
    yield { key, ...toBulkValue(await readFile(join(folder, file))) }
  }
}
