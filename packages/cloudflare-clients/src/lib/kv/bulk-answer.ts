import { kvLimits } from './kv-limits.ts'
import { failedRequest } from './kv-responses.ts'

export interface BulkForm {
  readonly isJson: boolean
  readonly withMetadata: boolean
}

/** What was found under one key of a bulk read. */
export interface BulkEntry {
  readonly text: string
  readonly metadata: unknown
}

/**
 * What a bulk read gives for one key.
 *
 * @throws {Error} When the value is no JSON, which fails the whole read.
 */
export function toBulkAnswer(entry: BulkEntry | null, form: BulkForm): unknown {
  if (entry === null) return null
  // KV decodes bulk values on its side, and drops a byte order mark.
  const text = entry.text.replace(/^\uFEFF/, '')
  const value = form.isJson ? parseOnServer(text) : text
  // A JSON null is told apart from a missing key only by a single read.
  if (!form.withMetadata || value === null) return value
  return { value, metadata: entry.metadata }
}

function parseOnServer(text: string): unknown {
  try {
    // It is parsed by KV, sent as JSON and parsed again, which loses -0.
    return JSON.parse(JSON.stringify(JSON.parse(text))) as unknown
  } catch {
    const message = 'At least one of the requested keys corresponds to a non-json value'
    throw failedRequest('GET_BULK', 400, message)
  }
}

export function assertBulkForm(type: string | undefined, keyCount: number): void {
  if (type !== undefined && !['', 'text', 'json'].includes(type)) {
    throw failedRequest('GET_BULK', 400, `"${type}" is not a valid type. Use "json" or "text"`)
  }
  if (keyCount > kvLimits.maxBulkReadKeys) {
    const text = `You can request a maximum of ${kvLimits.maxBulkReadKeys} keys`
    throw failedRequest('GET_BULK', 400, text)
  }
  if (keyCount < 1) {
    throw failedRequest('GET_BULK', 400, 'You must request a minimum of 1 key')
  }
}

export function bulkReadTooLarge(): Error {
  return failedRequest('GET_BULK', 413, 'Total size of request exceeds the limit of 25MB')
}

/**
 * The result of a bulk read. KV puts the answers into an object, where `__proto__` does not become a property, and the
 * runtime builds the map from that object's properties without its indices, so that integer-like keys are missing.
 */
export function toBulkMap(answers: Iterable<readonly [string, unknown]>): Map<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [key, answer] of answers) object[key] = answer
  return new Map(Object.entries(object).filter(([key]) => !isArrayIndex(key)))
}

function isArrayIndex(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1
}
