import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReadTimer, type TimedRead, toServerTiming } from './server-timing.ts'

const hit: TimedRead = { name: 'user', status: 'hit', tier: 'kv', durationMs: 8 }

test('writes a metric with its time', () => {
  expect(toServerTiming([hit])).toBe('cache-user;desc="hit kv";dur=8')
  expect(toServerTiming([{ name: 'a', status: 'miss', tier: 'origin' }])).toBe(
    'cache-a;desc="miss origin";dur=0',
  )
  expect(toServerTiming([])).toBe('')
})

test('adds up reads of one cache that ended alike, and keeps others apart', () => {
  const other = { ...hit, status: 'stale', durationMs: 0.26 }
  expect(toServerTiming([hit, other, { ...hit, durationMs: 1.04 }, { ...hit, name: 'b' }])).toBe(
    'cache-user;desc="hit kv x2";dur=9, cache-user;desc="stale kv";dur=0.3, cache-b;desc="hit kv";dur=8',
  )
})

test('cannot be broken by a name, a status or a tier', () => {
  const odd = { name: 'a b,c;"d"\r\né', status: 'say "\\hi"', tier: 'é\r\nX-Evil: 1' }
  expect(toServerTiming([odd])).toBe(
    'cache-a_b_c__d____;desc="say \\"\\\\hi\\" ???X-Evil: 1";dur=0',
  )
})

const metric =
  /^[\w!#$%&'*+.^`|~-]+;desc="(?:[ !#-[\]-~]|\\["\\])*"(?:;dur=\d+(?:\.\d+)?)?(?:, (?=.)|$)/

test('is always a valid header of at most its length that accounts for every read', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 })
  const read = fc.record({
    name: fc.oneof(fc.constantFrom('a', 'b'), text, fc.string({ minLength: 80, maxLength: 200 })),
    status: fc.oneof(fc.constantFrom('hit', 'miss'), text),
    tier: fc.oneof(fc.constantFrom('kv', 'memory'), text),
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  })
  fc.assert(
    fc.property(
      fc.array(read, { maxLength: 60 }),
      fc.integer({ min: 100, max: 2000 }),
      (reads, maxLength) => {
        const header = toServerTiming(reads, { maxLength })
        expect(header.length).toBeLessThanOrEqual(maxLength)
        new Headers({ 'Server-Timing': header })
        let rest = header
        while (rest !== '') {
          const [found = ''] = metric.exec(rest) ?? []
          expect(found, rest).not.toBe('')
          rest = rest.slice(found.length)
        }
      },
    ),
    { seed: 9, numRuns: 1000 },
  )
})

test('says how many reads it leaves out', () => {
  const reads = Array.from({ length: 100 }, (_, i) => ({ ...hit, name: `cache-number-${i}` }))
  const header = toServerTiming([...reads, ...reads])
  const written = header.match(/x2/g)?.length ?? 0
  expect(written).toBeGreaterThan(15)
  expect(header).toMatch(new RegExp(`, cache-more;desc="${200 - written * 2} more reads"$`))
  expect(header.length).toBeLessThanOrEqual(1024)
  const long = { ...hit, name: 'x'.repeat(200) }
  expect(toServerTiming([long], { maxLength: 100 })).toBe('cache-more;desc="1 more reads"')
})

test.for([0, 99, 100.5, NaN])('refuses a length of %d', (maxLength) => {
  expect(() => toServerTiming([], { maxLength })).toThrow(
    new RangeError(
      `Cannot write Server-Timing: maxLength must be a whole number from 100, received ${maxLength}`,
    ),
  )
})

test('collects the reads of a request, with the time that each took', async () => {
  let nowMs = 100
  const users = {
    name: 'user',
    read: (id: number) => {
      nowMs += 5
      if (id === 0) return Promise.reject(new Error('down'))
      return Promise.resolve({ value: `user ${id}`, status: 'hit', tier: 'kv', ageMs: 3 })
    },
  }
  const timer = createReadTimer({ now: () => nowMs })
  expect(timer.header()).toBe('')
  expect(await timer.read(users, 1)).toEqual({
    value: 'user 1',
    status: 'hit',
    tier: 'kv',
    ageMs: 3,
  })
  await expect(timer.read(users, 0)).rejects.toThrow('down')
  timer.add({ name: 'page', status: 'miss', tier: 'origin', durationMs: 1 })
  expect(timer.header()).toBe('cache-user;desc="hit kv";dur=5, cache-page;desc="miss origin";dur=1')
})

test('measures with the platform’s clock and keeps to its length', async () => {
  const timer = createReadTimer({ maxLength: 100 })
  const read = (): Promise<{ status: string; tier: string }> =>
    Promise.resolve({ status: 'hit', tier: 'memory' })
  for (const name of ['a'.repeat(60), 'b'.repeat(60)]) await timer.read({ name, read }, 1)
  expect(timer.header()).toMatch(/^cache-more;desc="2 more reads"$/)
})
