import { toBase64Url } from '../shared/base64-url.ts'
import { sha256 } from '../shared/sha256.ts'
import type { FlagContext } from './flag-evaluation.ts'
import { createKeyedDigest } from './keyed-digest.ts'

/** How an exposure says who it was. */
export type ExposureIdentify = 'hashed' | 'none' | ((context: FlagContext) => string | undefined)

interface ExposureIdentity {
  /** By whom exposures are told apart. */
  readonly toUnit: (context: FlagContext) => string | undefined
  /** What is reported for a unit. */
  readonly toUser: (unit: string) => string | undefined
  /** From 0 to below 1. */
  readonly toShare: (unit: string) => number
}

const minSecretLength = 32
const userBytes = 16
const encoder = new TextEncoder()

/** @throws {RangeError} When the secret is too short. */
export function createExposureIdentity({
  identify = 'hashed',
  secret,
}: {
  readonly identify?: ExposureIdentify
  readonly secret?: string
}): ExposureIdentity {
  if (secret !== undefined && !(secret.length >= minSecretLength)) {
    throw new RangeError(
      `Cannot create exposure reporter: secret must have at least ${minSecretLength} characters, received ${secret.length}`,
    )
  }
  const digest =
    secret === undefined
      ? (text: string) => sha256(encoder.encode(text))
      : createKeyedDigest(secret)
  // Prefixes keep the two apart from each other, and from what flags spread users by.
  return {
    toUnit: typeof identify === 'function' ? identify : (context) => context.userId,
    toUser: (unit) => {
      if (identify === 'none') return undefined
      if (identify !== 'hashed') return unit
      return toBase64Url(digest(`exposure-user:${unit}`).subarray(0, userBytes))
    },
    toShare: (unit) => {
      const bytes = sha256(encoder.encode(`exposure-sample:${unit}`))
      return new DataView(bytes.buffer).getUint32(0) / 2 ** 32
    },
  }
}
