import type { ObjectProperties } from './object-store.ts'
import { r2Limits } from './r2-limits.ts'
import type { ObjectCondition } from './stored-object.ts'

const encoder = new TextEncoder()

/** @throws {TypeError | RangeError} When no store takes the key. Without it, which may be long. */
export function checkKey(operation: string, key: string): string {
  if (typeof key !== 'string' || !key.isWellFormed()) {
    throw new TypeError(`Cannot ${operation}: key must be well-formed text`)
  }
  const bytes = encoder.encode(key).length
  if (bytes >= 1 && bytes <= r2Limits.maxKeyBytes) return key
  throw new RangeError(
    `Cannot ${operation}: key must be 1 to ${r2Limits.maxKeyBytes} bytes, received ${bytes}`,
  )
}

/** What a header can carry, so that the same call works on a binding and over S3. */
export function checkProperties(operation: string, { metadata = {} }: ObjectProperties): void {
  let bytes = 0
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[a-z0-9_-]+$/.test(name)) {
      throw new TypeError(
        `Cannot ${operation}: a metadata name must be of lower-case letters, digits, "-" and "_", received ${JSON.stringify(name)}`,
      )
    }
    if (typeof value !== 'string' || !/^(?:[!-~](?:[ -~]*[!-~])?)?$/.test(value)) {
      throw new TypeError(
        `Cannot ${operation}: metadata ${JSON.stringify(name)} must be printable ASCII without spaces around it`,
      )
    }
    bytes += name.length + value.length
  }
  if (bytes > r2Limits.maxMetadataBytes) {
    throw new RangeError(
      `Cannot ${operation}: metadata must be at most ${r2Limits.maxMetadataBytes} bytes, received ${bytes}`,
    )
  }
}

export function checkCondition(operation: string, condition: ObjectCondition | undefined): void {
  if (condition === undefined) return
  for (const name of ['etagMatches', 'etagDoesNotMatch'] as const) {
    const etag = condition[name]
    if (etag !== undefined && (etag === '' || /["\s]/.test(etag))) {
      throw new TypeError(`Cannot ${operation}: ${name} must be an etag without quotes`)
    }
  }
}
