import type { HttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import type { CommandOutput } from '../command-output.ts'
import { type BulkEntry, toKVEntry } from './bulk-entry.ts'
import type { BulkInput } from './bulk-input.ts'

/** Entries of one request. The API takes ten times as many; with fewer, less is done again after an end in the middle. */
const batchEntries = 1_000
const batchCharacters = 10_000_000

export interface ImportOptions {
  readonly kv: HttpKVNamespace
  readonly prefix: string
  /** Entries that an earlier run wrote. */
  readonly doneBefore: number
  /** Keys that are left as they are. */
  readonly kept: ReadonlySet<string>
  readonly now: () => number
  readonly signal: AbortSignal
  readonly output: CommandOutput
  /** What is done of the input so far, when each batch is written. */
  readonly onDone: (done: number) => Promise<void>
}

export interface ImportResult {
  written: number
  kept: number
  /** Their time was over, or so near that KV does not take them. */
  expired: number
  /** Entries of the input that need no second look, those of an earlier run among them. */
  done: number
}

/** KV keeps an entry for 60 seconds at least. */
const minTtlSeconds = 60

/** Writes the rest of an input, batch after batch. `result` holds what is done also when it rejects. */
export async function importEntries(
  input: BulkInput,
  result: ImportResult,
  options: ImportOptions,
): Promise<void> {
  const { kv, prefix, doneBefore, kept, now, output, onDone, signal } = options
  const progress = output.progress('Imported', input.total)
  let position = 0
  let batch: BulkEntry[] = []
  let characters = 0
  let expired = 0
  let left = 0
  const flush = async (): Promise<void> => {
    signal.throwIfAborted()
    if (batch.length > 0) await kv.putMany(batch.map((entry) => toKVEntry(entry, prefix)))
    result.written += batch.length
    result.expired += expired
    result.kept += left
    result.done = position
    batch = []
    characters = expired = left = 0
    await onDone(position)
    progress.at(position)
  }
  try {
    for await (const entry of input.read()) {
      position++
      if (position <= doneBefore) continue
      const isExpired =
        entry.expiration !== undefined && entry.expiration < now() / 1000 + minTtlSeconds
      if (isExpired) expired++
      else if (kept.has(entry.key)) left++
      else {
        batch.push(entry)
        characters += entry.value.length
      }
      if (batch.length >= batchEntries || characters >= batchCharacters) await flush()
    }
    await flush()
  } finally {
    progress.end()
  }
}
