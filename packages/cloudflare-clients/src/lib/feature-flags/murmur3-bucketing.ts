import type { BucketingAlgorithm } from './bucketing.ts'

/**
 * Spreads users as `fractional` of flagd does since its version 2, so that flags which come from there move nobody: MurmurHash3 (x86, 32 bits,
 * seed 0) of the salt and the unit in UTF-8, one after the other with nothing in between, as a share of 2³².
 *
 * flagd's own salt is the flag's key. Hand it to a reader's `algorithms`: it is not built in.
 *
 * @see https://flagd.dev/reference/custom-operations/fractional-operation/
 */
export const murmur3Bucketing: BucketingAlgorithm = {
  name: 'murmur3',
  version: 2,
  toShare: (unit, salt) => murmur3(new TextEncoder().encode(salt + unit)) / 2 ** 32,
}

/** @returns From 0 to 2³² - 1. */
function murmur3(bytes: Uint8Array): number {
  const tailStart = bytes.length - (bytes.length % 4)
  let hash = 0
  for (let i = 0; i < tailStart; i += 4) {
    hash ^= scramble(littleEndian(bytes, i))
    hash = (Math.imul(rotateLeft(hash, 13), 5) + 0xe6546b64) | 0
  }
  // Bytes past the end read as 0, which is what the tail wants.
  if (tailStart < bytes.length) hash ^= scramble(littleEndian(bytes, tailStart))
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(word: number): number {
  return Math.imul(rotateLeft(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function littleEndian(bytes: Uint8Array, start: number): number {
  const at = (i: number): number => bytes[start + i] ?? 0
  return at(0) | (at(1) << 8) | (at(2) << 16) | (at(3) << 24)
}
