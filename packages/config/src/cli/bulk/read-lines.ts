import { concatBytes } from './bytes.ts'

/** A value has 25 MiB at most, and what JSON escapes in it takes six times as much. */
const maxLineBytes = 160 * 1024 * 1024

/**
 * The lines of a stream of UTF-8, without their ends. Not by `node:readline`, which also ends a line at U+2028, of which JSON may hold some.
 *
 * @throws {TypeError} When a line is no UTF-8.
 * @throws {RangeError} When a line is longer than that of the largest entry.
 */
export async function* readLines(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let parts: Uint8Array[] = []
  let bytes = 0
  const take = (): string => {
    const line = decoder.decode(concatBytes(parts))
    parts = []
    bytes = 0
    return line
  }
  for await (const chunk of stream) {
    let start = 0
    for (let end; (end = chunk.indexOf(10, start)) !== -1; start = end + 1) {
      parts.push(chunk.subarray(start, end))
      yield take()
    }
    const rest = chunk.subarray(start)
    bytes += rest.byteLength
    if (bytes > maxLineBytes) {
      throw new RangeError(
        `Cannot read lines: a line must have at most ${maxLineBytes} bytes, received more`,
      )
    }
    if (rest.byteLength > 0) parts.push(rest)
  }
  if (parts.length > 0) yield take()
}
