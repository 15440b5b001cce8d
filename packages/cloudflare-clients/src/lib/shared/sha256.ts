import { toBase64Url } from './base64-url.ts'

/**
 * SHA-256 in JavaScript (FIPS 180-4), because Web Crypto's is asynchronous, while keys are built and flags evaluated synchronously.
 *
 * It hashes keys, high-entropy tokens and user ids. It is no password hash. `sha256.test.ts` holds it to Web Crypto.
 */
const blockBytes = 64
const primes: number[] = []
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n)
// The standard's constants, in fewer bytes. None of the roots is so near to the next value that a double could be wrong about it.
const roundConstants = Int32Array.from(primes, (prime) => toFractionBits(Math.cbrt(prime)))
const initialState = Int32Array.from(primes.slice(0, 8), (prime) =>
  toFractionBits(Math.sqrt(prime)),
)
// Room to work in, so that a call allocates nothing. No call reads what another one left.
const state = new Int32Array(8)
const schedule = new Int32Array(64)
const shortMessage = new Uint8Array(2 * blockBytes)
const shortView = new DataView(shortMessage.buffer)

function toFractionBits(root: number): number {
  return ((root % 1) * 2 ** 32) | 0
}

function rotateRight(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits))
}

function at(words: Int32Array, index: number): number {
  return words[index] ?? 0
}

/** With the bit that ends the message, and 8 bytes for its length. */
function toPaddedLength(messageBytes: number): number {
  return (messageBytes + 1 + 8 + blockBytes - 1) & -blockBytes
}

/** Leaves the digest in `state`. @param bytes The message, below 512 MiB, and after it as many zeros as the padding takes. */
function digest(bytes: DataView, messageBytes: number): void {
  const paddedBytes = toPaddedLength(messageBytes)
  bytes.setUint8(messageBytes, 0x80)
  bytes.setUint32(paddedBytes - 4, messageBytes * 8)
  state.set(initialState)
  for (let offset = 0; offset < paddedBytes; offset += blockBytes) {
    for (let i = 0; i < 16; i++) schedule[i] = bytes.getInt32(offset + i * 4)
    mixBlock()
  }
}

/** Without iterators, which cost several times what the arithmetic does. */
function mixBlock(): void {
  for (let i = 16; i < 64; i++) {
    const w15 = at(schedule, i - 15)
    const w2 = at(schedule, i - 2)
    const s0 = rotateRight(w15, 7) ^ rotateRight(w15, 18) ^ (w15 >>> 3)
    const s1 = rotateRight(w2, 17) ^ rotateRight(w2, 19) ^ (w2 >>> 10)
    schedule[i] = at(schedule, i - 16) + s0 + at(schedule, i - 7) + s1
  }
  let a = at(state, 0)
  let b = at(state, 1)
  let c = at(state, 2)
  let d = at(state, 3)
  let e = at(state, 4)
  let f = at(state, 5)
  let g = at(state, 6)
  let h = at(state, 7)
  for (let i = 0; i < 64; i++) {
    const s1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25)
    const choice = (e & f) ^ (~e & g)
    const t1 = (h + s1 + choice + at(roundConstants, i) + at(schedule, i)) | 0
    const s0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + s0 + majority) | 0
  }
  state[0] = at(state, 0) + a
  state[1] = at(state, 1) + b
  state[2] = at(state, 2) + c
  state[3] = at(state, 3) + d
  state[4] = at(state, 4) + e
  state[5] = at(state, 5) + f
  state[6] = at(state, 6) + g
  state[7] = at(state, 7) + h
}

function digestBytes(message: Uint8Array): void {
  const padded = new Uint8Array(toPaddedLength(message.length))
  padded.set(message)
  digest(new DataView(padded.buffer), message.length)
}

/** @returns The 32 bytes of the SHA-256 digest. */
export function sha256(message: Uint8Array): Uint8Array {
  digestBytes(message)
  const view = new DataView(new ArrayBuffer(32))
  for (let i = 0; i < 8; i++) view.setInt32(i * 4, at(state, i))
  return new Uint8Array(view.buffer)
}

/** @returns The first 32 bits, big-endian, of the SHA-256 digest of the text's UTF-8 bytes, from 0 to 2³² - 1. */
export function sha256FirstWord(text: string): number {
  const { length } = text
  // ASCII is its own UTF-8, and short text has room already, so that nothing is allocated.
  let isShort = toPaddedLength(length) <= shortMessage.length
  if (isShort) {
    let bits = 0
    shortMessage.fill(0, length)
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      shortMessage[i] = code
      bits |= code
    }
    isShort = bits < 0x80
  }
  if (isShort) digest(shortView, length)
  else digestBytes(new TextEncoder().encode(text))
  return at(state, 0) >>> 0
}

/** @returns The SHA-256 digest of the text's UTF-8 bytes as 43 characters of unpadded base64url. */
export function sha256Base64Url(text: string): string {
  return toBase64Url(sha256(new TextEncoder().encode(text)))
}
