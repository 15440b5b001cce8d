import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { once } from 'node:events'
import { refusedFailure } from '../command-failure.ts'
import { type BulkEntry, toBytes } from './bulk-entry.ts'
import { toUtf8 } from './bytes.ts'
import { writeKeyFile } from './key-path.ts'
import { StateFile } from './state-file.ts'

/** Where an export is, for a run that goes on with it. */
interface ExportState {
  readonly uri: string
  readonly cursor: string
  readonly count: number
  /** Of the file so far. */
  readonly bytes: number
}

/** What entries are exported to. */
export interface BulkOutput {
  /** What an earlier run wrote. */
  readonly countBefore: number
  readonly cursor: string | undefined
  /** Writes a page, and keeps where it ended. */
  write(entries: readonly BulkEntry[], next: string | null): Promise<void>
  /** All pages are written. */
  finish(): Promise<void>
  /** Gives up what is open. What was written stays for the next run. */
  close(): Promise<void>
}

export interface BulkOutputOptions {
  /** Of what is exported: another one does not go on with what this one began. */
  readonly uri: string
  readonly isOverwriting: boolean
}

/** A line for each entry. */
function toLines(entries: readonly BulkEntry[]): Uint8Array {
  return toUtf8(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
}

export function openStreamOutput(stream: Writable): BulkOutput {
  return {
    countBefore: 0,
    cursor: undefined,
    write: async (entries) => {
      if (!stream.write(toLines(entries))) await once(stream, 'drain')
    },
    finish: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

/** A file of JSON lines, which has its name when all of it is there. */
export async function openFileOutput(
  name: string,
  { uri, isOverwriting }: BulkOutputOptions,
): Promise<BulkOutput> {
  const path = resolve(name)
  if (!isOverwriting && (await exists(path))) throw alreadyThere(name)
  const state = new StateFile<ExportState>(`${path}.export-state.json`)
  const partPath = `${path}.part`
  const before = await readState(state, uri)
  let count = before?.count ?? 0
  let bytes = before?.bytes ?? 0
  const part: FileHandle = await open(partPath, before === null ? 'w' : 'r+')
  // What came after the last known page is written again.
  await part.truncate(bytes)
  return {
    countBefore: count,
    cursor: before?.cursor,
    write: async (entries, next) => {
      const lines = toLines(entries)
      await part.write(lines, 0, lines.length, bytes)
      bytes += lines.length
      count += entries.length
      if (next === null) return
      await part.sync()
      await state.write({ uri, cursor: next, count, bytes })
    },
    finish: async () => {
      await part.sync()
      await part.close()
      await rename(partPath, path)
      await state.remove()
    },
    close: async () => {
      await part.close()
      // Nothing leads to what has no whole page.
      if ((await state.read()) === null) await rm(partPath, { force: true })
    },
  }
}

/** A file for each key, whose path it is. */
export async function openFolderOutput(
  name: string,
  { uri, isOverwriting }: BulkOutputOptions,
): Promise<BulkOutput> {
  const path = resolve(name)
  await mkdir(path, { recursive: true })
  const state = new StateFile<ExportState>(resolve(path, '.codex-config-export.json'))
  const before = await readState(state, uri)
  const isEmpty = (await readdir(path)).length === 0
  if (!isOverwriting && before === null && !isEmpty) throw alreadyThere(name)
  let count = before?.count ?? 0
  return {
    countBefore: count,
    cursor: before?.cursor,
    write: async (entries, next) => {
      for (const entry of entries) {
        await writeKeyFile(path, { key: entry.key, bytes: toBytes(entry) })
      }
      count += entries.length
      if (next !== null) await state.write({ uri, cursor: next, count, bytes: 0 })
    },
    finish: () => state.remove(),
    close: () => Promise.resolve(),
  }
}

async function readState(state: StateFile<ExportState>, uri: string): Promise<ExportState | null> {
  const before = await state.read()
  if (before === null || before.uri === uri) return before
  throw refusedFailure(
    `Cannot export ${uri}: an export of ${before.uri} to the same place was not finished`,
    `Finish it, or delete ${state.path}`,
  )
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function alreadyThere(name: string): Error {
  return refusedFailure(
    `Cannot export to ${JSON.stringify(name)}: it must not be there yet, or be an empty folder`,
    '--overwrite writes over what is there',
  )
}
