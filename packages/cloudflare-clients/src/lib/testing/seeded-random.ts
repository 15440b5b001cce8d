/** A source of numbers from 0 up to and without 1, as `Math.random` is. */
export type RandomSource = () => number

function hashText(text: string): number {
  // FNV-1a over UTF-16 code units, finished as in mix32 so that short texts spread too.
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return mix32(hash)
}

function mix32(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

/**
 * Creates a source of pseudo-random numbers that is the same for the same seed, on every machine. Fit for tests and
 * simulations, not for secrets.
 *
 * @param seed Any number or text.
 *
 * @example
 * ```ts
 * import { createSeededRandom } from '@codex/cloudflare-clients/testing'
 *
 * const random = createSeededRandom('checkout')
 * const sameNumbers = createSeededRandom('checkout')
 * random() === sameNumbers() // true
 * ```
 */
export function createSeededRandom(seed: number | string): RandomSource {
  let state = hashText(String(seed))
  return () => {
    state = (state + 0x9e3779b9) | 0
    return mix32(state) / 2 ** 32
  }
}

/**
 * A number that depends on its coordinates only, and not on what was drawn before it: so that one more read elsewhere
 * does not change how long a write takes.
 */
export function createDraw(seed: number | string): (x: number, y: number) => number {
  const start = hashText(String(seed))
  return (x, y) =>
    mix32(mix32(mix32(start ^ x) + 0x9e3779b9) ^ Math.imul(y + 1, 0x85ebca6b)) / 2 ** 32
}
