import fc from 'fast-check'
import semver from 'semver'
import { expect, test } from 'vitest'
import { compareVersions, parseVersion } from './semantic-version.ts'

// Mostly small, so that two versions often differ in their last parts only.
const number = fc
  .oneof(fc.nat({ max: 1 }), fc.nat({ max: 1 }), fc.nat({ max: 12 }), fc.nat())
  .map(String)
const identifier = fc.oneof(
  fc.nat({ max: 12 }).map(String),
  fc.constantFrom('alpha', 'beta', 'rc', 'RC', '-', '--1', '0a', '1-', 'a0', 'x-y-z'),
  fc.string({
    unit: fc.constantFrom('a', 'b', 'Z', '0', '1', '9', '-'),
    minLength: 1,
    maxLength: 4,
  }),
)
const identifiers = fc.array(identifier, { minLength: 1, maxLength: 4 }).map((all) => all.join('.'))
const version = fc
  .tuple(number, number, number, fc.option(identifiers), fc.option(identifiers))
  .map(([major, minor, patch, pre, build]) =>
    [
      `${major}.${minor}.${patch}`,
      pre === null ? '' : `-${pre}`,
      build === null ? '' : `+${build}`,
    ].join(''),
  )

test('reads as a version what Semantic Versioning calls one', () => {
  const broken = fc
    .tuple(
      version,
      fc.nat({ max: 30 }),
      fc.constantFrom('', '.', '-', '+', '0', '01', 'v', ' ', 'é'),
    )
    .map(([text, at, part]) => text.slice(0, at) + part + text.slice(at))
  fc.assert(
    fc.property(fc.oneof(version, broken), (text) => {
      // The library passes over spaces, a leading "v", and refuses numbers above 2^53 - 1.
      const isStrict = text === text.trim() && !/^[v=]/.test(text)
      expect(parseVersion(text) !== undefined).toBe(isStrict && semver.valid(text) !== null)
    }),
    { seed: 6, numRuns: 5000 },
  )
})

test('orders versions as the semver package does', () => {
  const valid = version.filter((text) => semver.valid(text) !== null)
  fc.assert(
    fc.property(valid, valid, (a, b) => {
      const order = compareVersions(parseVersion(a) ?? [], parseVersion(b) ?? [])
      // `+ 0` because -0 is not 0 to `toBe`.
      expect(Math.sign(order) + 0).toBe(semver.compare(a, b) + 0)
    }),
    { seed: 6, numRuns: 5000 },
  )
})

test('orders the examples of the standard', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '2.0.0',
    '2.1.0',
    '2.1.1',
    '99999999999999999999999.0.0',
    '100000000000000000000000.0.0',
  ].map((text) => parseVersion(text) ?? [])
  ordered.forEach((a, i) => {
    ordered.forEach((b, j) => {
      expect(Math.sign(compareVersions(a, b)) + 0).toBe(Math.sign(i - j) + 0)
    })
  })
})

test.for([1, null, undefined, '', '1', '1.2', 'v1.2.3', '1.2.3-', `1.2.3-${'a'.repeat(260)}`])(
  'does not take %j for a version',
  (value) => {
    expect(parseVersion(value)).toBeUndefined()
  },
)
