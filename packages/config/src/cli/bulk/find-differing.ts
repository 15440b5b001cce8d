import type { HttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import { ConfigError } from '../../lib/config-error.ts'
import { parseConfigDocument } from '../../lib/read-config-document.ts'
import { type BulkEntry, toBytes } from './bulk-entry.ts'
import type { BulkInput } from './bulk-input.ts'
import { readTexts } from './read-texts.ts'

/** Keys whose values an import would change. */
export interface Differing {
  /** Documents with versions, which only a publication may take the place of. */
  readonly published: readonly string[]
  readonly other: readonly string[]
}

interface FindDifferingOptions {
  readonly kv: HttpKVNamespace
  readonly prefix: string
  /** Keys of the input that are there. */
  readonly existing: ReadonlySet<string>
  readonly signal: AbortSignal
}

/** Entries whose values are held at a time. */
const batchEntries = 100

/** Looks at what is there, and leaves out what is as the input has it: an import that ended in the middle wrote it, or it does not matter who did. */
export async function findDiffering(
  input: BulkInput,
  { kv, prefix, existing, signal }: FindDifferingOptions,
): Promise<Differing> {
  const published: string[] = []
  const other: string[] = []
  let batch: BulkEntry[] = []
  const look = async (): Promise<void> => {
    signal.throwIfAborted()
    const texts = await readTexts(
      kv,
      batch.map(({ key }) => `${prefix}${key}`),
    )
    for (const entry of batch) {
      const text = texts.get(`${prefix}${entry.key}`) ?? null
      if (text === null || withoutMark(text) === toText(entry)) continue
      const list = isPublished(text) ? published : other
      list.push(entry.key)
    }
    batch = []
  }
  if (existing.size === 0) return { published, other }
  for await (const entry of input.read()) {
    if (!existing.has(entry.key)) continue
    batch.push(entry)
    if (batch.length >= batchEntries) await look()
  }
  await look()
  return { published, other }
}

/** As a read of KV gives it, which may leave out a byte order mark. */
function toText(entry: BulkEntry): string {
  return withoutMark(entry.base64 === true ? new TextDecoder().decode(toBytes(entry)) : entry.value)
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '')
}

/** Also what cannot be read, as it may be of a later format. */
function isPublished(text: string): boolean {
  try {
    return parseConfigDocument(text, '') !== null
  } catch (error) {
    if (error instanceof ConfigError) return true
    throw error
  }
}
