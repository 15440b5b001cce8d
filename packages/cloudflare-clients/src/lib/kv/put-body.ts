import { kvLimits } from './kv-limits.ts'
import { encodeText } from './binding-text.ts'
import { valueTooLong } from './kv-responses.ts'
import { StoredValue } from './stored-value.ts'

const wrongBody =
  'KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.'

/**
 * Takes a body as it is at the time of the call: what the caller writes to a buffer afterwards is not stored.
 *
 * @param body A string, or an object of any kind.
 */
export function takeBody(body: unknown): StoredValue | ReadableStream {
  if (typeof body === 'string') return StoredValue.fromText(body)
  if (body instanceof ReadableStream) {
    if (body.locked) throw new TypeError('The ReadableStream has been locked to a reader.')
    return body
  }
  const bytes = toBytes(body)
  if (bytes === null) throw new TypeError(wrongBody)
  return StoredValue.fromBytes(bytes)
}

/** Reads a body to its end. A stream that fails fails the put, which then stores nothing. */
export async function readBody(body: StoredValue | ReadableStream): Promise<StoredValue> {
  const value = body instanceof StoredValue ? body : await readStream(body)
  const isSmall = value.sizeAtMost <= kvLimits.maxValueBytes
  if (!isSmall && value.bytes.byteLength > kvLimits.maxValueBytes) {
    throw valueTooLong(value.bytes.byteLength)
  }
  return value
}

async function readStream(stream: ReadableStream<unknown>): Promise<StoredValue> {
  assertUndisturbed(stream)
  const chunks: Uint8Array<ArrayBuffer>[] = []
  const reader = stream.getReader()
  let byteLength = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    const chunk = typeof value === 'string' ? encodeText(value) : toBytes(value)
    if (chunk === null) {
      throw new TypeError('Draining read encountered a value that cannot be converted to bytes')
    }
    chunks.push(new Uint8Array(chunk))
    byteLength += chunk.byteLength
    // It may have no end.
    if (byteLength > kvLimits.maxValueBytes) {
      const error = valueTooLong(byteLength)
      void reader.cancel(error).catch(() => undefined)
      throw error
    }
  }
  return StoredValue.fromBytes(new Uint8Array(await new Blob(chunks).arrayBuffer()))
}

function assertUndisturbed(stream: ReadableStream): void {
  try {
    // No stream tells whether it was read from, but a body must not have been.
    new Response(stream)
  } catch (error) {
    throw new TypeError('This ReadableStream is disturbed.', { cause: error })
  }
}

/** A copy of what a buffer or a view of one holds. */
function toBytes(value: unknown): Uint8Array<ArrayBuffer> | null {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
  }
  const isShared = typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer
  if (value instanceof ArrayBuffer || isShared) return new Uint8Array(value).slice()
  return null
}
