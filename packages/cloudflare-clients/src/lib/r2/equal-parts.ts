export interface BodyPart {
  /** From 1. */
  readonly partNumber: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly isLast: boolean
}

/**
 * Cuts a body into parts of exactly `partBytes`, of which only the last may be smaller: R2 refuses to complete an upload of others.
 * A body without bytes is one part without bytes.
 *
 * One part is in memory at a time, beside those that the caller still holds.
 */
export async function* equalParts(
  chunks: AsyncIterable<Uint8Array>,
  partBytes: number,
  takeBuffer: () => Uint8Array<ArrayBuffer> = () => new Uint8Array(partBytes),
): AsyncGenerator<BodyPart, void, undefined> {
  let part = takeBuffer()
  let filled = 0
  let partNumber = 1
  for await (const chunk of chunks) {
    let rest = chunk
    while (rest.length > 0) {
      // Only now is it known that the full part is not the last.
      if (filled === partBytes) {
        yield { partNumber, bytes: part, isLast: false }
        partNumber++
        part = takeBuffer()
        filled = 0
      }
      const taken = rest.subarray(0, partBytes - filled)
      part.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
    }
  }
  yield { partNumber, bytes: part.subarray(0, filled), isLast: true }
}
