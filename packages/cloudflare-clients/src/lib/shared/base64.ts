/** A multiple of three, so that the parts can be joined, and no more than a call takes as arguments. */
const bytesAtOnce = 24_576

/** @returns The bytes as padded base64, for megabytes too. */
export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += bytesAtOnce) {
    // With `apply`, because a spread asks the bytes one by one, which takes longer.
    const binary: unknown = Reflect.apply(
      String.fromCharCode,
      undefined,
      bytes.subarray(at, at + bytesAtOnce),
    )
    parts.push(btoa(binary as string))
  }
  return parts.join('')
}
