import chiSquareCdf from '@stdlib/stats-base-dists-chisquare-cdf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import vectors from './bucketing-vectors.json'
import { murmur3Bucketing } from './murmur3-bucketing.ts'
import murmur3Vectors from './murmur3-vectors.json'
import { sha256Bucketing } from './sha256-bucketing.ts'

async function toExpectedShare(unit: string, salt: string): Promise<number> {
  const bytes = new TextEncoder().encode(`${unit}:${salt}`)
  const n = new DataView(await crypto.subtle.digest('SHA-256', bytes)).getUint32(0)
  return ((n % 100) * 100 + (Math.floor(n / 100) % 100)) / 10_000
}

test.for(vectors['sha256 version 1'].map((vector, i) => [i, vector] as const))(
  'agrees with published vector %i, and so does Web Crypto',
  async ([, { unit, salt, n, bucket, share }]) => {
    expect(sha256Bucketing.toShare(unit, salt)).toBe(share)
    expect(await toExpectedShare(unit, salt)).toBe(share)
    expect((n % 100) * 100 + (Math.floor(n / 100) % 100)).toBe(bucket)
    expect(share).toBe(bucket / 10_000)
  },
)

/** Ids as they come: plain, of other scripts, of half a character, and around the borders of SHA-256's blocks. */
function toIds(count: number): readonly string[] {
  const anyText = fc.string({ unit: 'binary', maxLength: 40 })
  const codeUnits = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units))
  const atBorders = fc
    .tuple(
      fc.constantFrom(53, 54, 55, 56, 62, 63, 64, 117, 118, 119, 120, 121, 127, 128, 129),
      fc.constantFrom('a', 'é', '用', '🙂', '\ud800'),
    )
    .map(([length, end]) => 'a'.repeat(length) + end)
  return fc.sample(fc.oneof(fc.uuid(), fc.emailAddress(), anyText, codeUnits, atBorders), {
    numRuns: count,
    seed: 6,
  })
}

test('gives 10,000 ids the share that Web Crypto gives them', async () => {
  const ids = toIds(10_000)
  expect(ids.filter((id) => !id.isWellFormed()).length).toBeGreaterThan(500)
  for (const salt of ['f', 'новая-касса']) {
    const expected = await Promise.all(ids.map((id) => toExpectedShare(id, salt)))
    expect(ids.map((id) => sha256Bucketing.toShare(id, salt))).toEqual(expected)
  }
})

test('keeps whole percents as the first 32 bits modulo 100 give them', async () => {
  for (const id of toIds(300)) {
    const bytes = new TextEncoder().encode(`${id}:beta`)
    const n = new DataView(await crypto.subtle.digest('SHA-256', bytes)).getUint32(0)
    expect(Math.floor(sha256Bucketing.toShare(id, 'beta') * 100 + 1e-9)).toBe(n % 100)
  }
})

test.for(murmur3Vectors['murmur3 version 2'].map((vector, i) => [i, vector] as const))(
  'agrees with vector %i of the MurmurHash3 that flagd-core uses',
  ([, { unit, salt, hash, share }]) => {
    expect(murmur3Bucketing.toShare(unit, salt)).toBe(share)
    expect(hash / 2 ** 32).toBe(share)
  },
)

const userCount = 100_000

/** @returns The probability of a spread at least as uneven as this one, if each cell is as likely as the others. */
function toUniformP(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  return 1 - chiSquareCdf(statistic, counts.length - 1)
}

test.for([sha256Bucketing, murmur3Bucketing])('$name spreads users evenly', ({ toShare }) => {
  for (const salt of ['new-checkout', 'dark-mode', 'x']) {
    const counts = Array<number>(100).fill(0)
    for (let i = 0; i < userCount; i++) {
      const cell = Math.floor(toShare(`user-${i}`, salt) * counts.length)
      counts[cell] = (counts[cell] ?? 0) + 1
    }
    expect(toUniformP(counts)).toBeGreaterThan(0.001)
  }
})

test.for([sha256Bucketing, murmur3Bucketing])(
  '$name spreads users for one flag whatever their share for another is',
  ({ toShare }) => {
    const cells = 10
    const counts = Array<number>(cells * cells).fill(0)
    for (let i = 0; i < userCount; i++) {
      const [row, column] = ['flag-a', 'flag-b'].map((salt) =>
        Math.floor(toShare(`user-${i}`, salt) * cells),
      ) as [number, number]
      counts[row * cells + column] = (counts[row * cells + column] ?? 0) + 1
    }
    expect(toUniformP(counts)).toBeGreaterThan(0.001)
  },
)
