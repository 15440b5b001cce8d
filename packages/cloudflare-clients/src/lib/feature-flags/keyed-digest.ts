import { sha256 } from '../shared/sha256.ts'

const blockBytes = 64
const encoder = new TextEncoder()

/**
 * HMAC-SHA-256 (RFC 2104), synchronous, for as long as nobody waits for Web Crypto in an evaluation.
 *
 * @returns Digests of texts as UTF-8. `keyed-digest.test.ts` holds them to Web Crypto's.
 */
export function createKeyedDigest(secret: string): (text: string) => Uint8Array {
  const bytes = encoder.encode(secret)
  const key = new Uint8Array(blockBytes)
  key.set(bytes.length > blockBytes ? sha256(bytes) : bytes)
  const inner = key.map((byte) => byte ^ 0x36)
  const outer = key.map((byte) => byte ^ 0x5c)
  return (text) => sha256(join(outer, sha256(join(inner, encoder.encode(text)))))
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length)
  joined.set(first)
  joined.set(second, first.length)
  return joined
}
