import { kvLimits } from '@codex/cloudflare-clients'
import { type BulkEntry, toBytes } from './bulk-entry.ts'
import { utf8Length } from './bytes.ts'

/** 25 MiB. */
const maxValueBytes = 26_214_400

/** Why KV would not take an entry below a prefix. `null`: it would. */
export function whyNoEntry(entry: BulkEntry, prefix: string): string | null {
  const key = `${prefix}${entry.key}`
  if (key === '' || key === '.' || key === '..') return 'key must not be empty, "." or ".."'
  if (!key.isWellFormed() || utf8Length(key) > kvLimits.maxKeyBytes) {
    return `key must be Unicode of at most ${kvLimits.maxKeyBytes} bytes with its prefix`
  }
  if (toBytes(entry).byteLength > maxValueBytes) {
    return `value must have at most ${maxValueBytes} bytes`
  }
  if (!entry.value.isWellFormed()) return 'value must be Unicode without lone surrogates'
  const metadata = entry.metadata === undefined ? '' : JSON.stringify(entry.metadata)
  if (utf8Length(metadata) > kvLimits.maxMetadataBytes) {
    return `metadata must have at most ${kvLimits.maxMetadataBytes} bytes as JSON`
  }
  return null
}
