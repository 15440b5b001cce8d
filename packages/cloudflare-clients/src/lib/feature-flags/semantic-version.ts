/** The three numbers, then the identifiers of the pre-release. What comes after `+` does not count. */
export type SemanticVersion = readonly string[]

const maxCharacters = 256
const numbers = 3
const digits = /^\d+$/
const pattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([\da-z-]+(?:\.[\da-z-]+)*))?(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?$/i

/**
 * Reads a version of Semantic Versioning 2.0.0, and nothing looser: `v1.2.3` and `1.2` are none.
 *
 * @returns `undefined`: it is none, or longer than 256 characters.
 * @see https://semver.org/spec/v2.0.0.html
 */
export function parseVersion(value: unknown): SemanticVersion | undefined {
  const match =
    typeof value === 'string' && value.length <= maxCharacters ? pattern.exec(value) : null
  if (!match) return undefined
  const preRelease = match[numbers + 1]?.split('.') ?? []
  return preRelease.some((text) => /^0\d+$/.test(text))
    ? undefined
    : [...match.slice(1, numbers + 1), ...preRelease]
}

/** @returns Below 0, 0 or above 0, by precedence. */
export function compareVersions(a: SemanticVersion, b: SemanticVersion): number {
  for (const [i, one] of a.entries()) {
    const other = b[i]
    // A pre-release comes before its release, and after a shorter pre-release that it begins with.
    if (other === undefined) return i === numbers ? -1 : 1
    const order = one === other ? 0 : compareIdentifiers(one, other)
    if (order !== 0) return order
  }
  return a.length === numbers ? b.length - numbers : a.length - b.length
}

/** Numbers by value, of any length, and before text; text in ASCII order. */
function compareIdentifiers(a: string, b: string): number {
  const isNumber = digits.test(a)
  if (isNumber !== digits.test(b)) return isNumber ? -1 : 1
  return (isNumber && a.length - b.length) || (a < b ? -1 : 1)
}
