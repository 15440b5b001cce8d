import { createSeededRandom } from '@codex/cloudflare-clients/testing'

/** Random bytes that are the same in every run. */
export function createSeededBytes(seed: string): (bytes: Uint8Array) => Uint8Array {
  const random = createSeededRandom(seed)
  return (bytes) => {
    for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(random() * 256)
    return bytes
  }
}
