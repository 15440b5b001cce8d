import { sha256Bucketing } from '@codex/cloudflare-clients/flag-evaluation'
import { type ConfigDocument, configDocumentLimits, type ConfigRelease } from './config-document.ts'
import { ConfigError, type ConfigErrorCode, type ConfigFault } from './config-error.ts'
import { checkConfigDocument } from './check-config-document.ts'

/** What every key of a body begins with. */
export const bodyKeyPrefix = 'config-body:'

/** Where a body is in KV, by the SHA-256 of it in hexadecimal. */
export function toBodyKey(sha256: string): string {
  return `${bodyKeyPrefix}${sha256}`
}

/** SHA-256 of the UTF-8 bytes of a text, in hexadecimal, and how many they are. */
export async function digestBody(
  text: string,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const utf8 = new TextEncoder().encode(text)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8))
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0'))
  return { sha256: hex.join(''), bytes: utf8.byteLength }
}

/**
 * Reads the text of a published document, all of it.
 *
 * @returns `null` when it is no published document: a plain file.
 * @throws {ConfigError} `corrupt` when it is one that is truncated, of another format, or not what it should be.
 */
export function parseConfigDocument(text: string, uri: string): ConfigDocument | null {
  // Beyond this a text would have to be parsed whole to be told from a plain file.
  if (!/^\s*\{\s*"/.test(text)) return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The mark is the first thing that a publisher writes, so that what is left of a document has it still.
    if (!/^\s*\{\s*"codexConfig"/.test(text)) return null
    throw documentError(uri, 'corrupt', [{ path: '', reason: 'must be whole, and JSON' }])
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'codexConfig')) {
    return null
  }
  const faults = checkConfigDocument(value)
  if (faults.length > 0) throw documentError(uri, 'corrupt', faults)
  return value as ConfigDocument
}

/**
 * The release that a reader gets: the candidate where the reader is among those who try it, else the stable one.
 *
 * @param unit Names the reader, such as a pod or a tenant: the same one always gets the same. Without one it gets the stable release.
 */
export function chooseRelease(document: ConfigDocument, unit?: string): ConfigRelease {
  const { stable, candidate } = document
  if (candidate === undefined || unit === undefined) return stable
  const share = sha256Bucketing.toShare(unit, candidate.release.sha256)
  return share < candidate.percentage / 100 ? candidate.release : stable
}

interface ReadBodyOptions {
  readonly uri: string
  /** Reads the body of this hash, where it is not within the document. `null`: it is not there. */
  readonly readBody: (sha256: string) => Promise<string | null>
}

/**
 * The text of a release, which is what its hash says.
 *
 * @throws {ConfigError} `corrupt` when it is not; `unavailable` when it is not there, which passes: a location of KV can have the document before it
 * has the body. It is never `not_found`, which would make an empty layer of an optional source.
 */
async function readReleaseBody(
  release: ConfigRelease,
  { uri, readBody }: ReadBodyOptions,
): Promise<string> {
  const body = release.body ?? (await readBody(release.sha256))
  if (body === null) {
    throw new ConfigError(
      `Cannot load ${uri}: the body of version ${release.version} was wanted, received none`,
      { code: 'unavailable', operation: 'load' },
    )
  }
  const { sha256, bytes } = await digestBody(body)
  if (sha256 !== release.sha256 || bytes !== release.bytes || !body.isWellFormed()) {
    const reason = `the body of version ${release.version} must be what its hash and length say`
    throw documentError(uri, 'corrupt', [{ path: '', reason }])
  }
  return body
}

export interface ReadDocumentOptions extends ReadBodyOptions {
  readonly unit?: string | undefined
  /** The version seen before: a lower one is refused, and so is a text that is no published document. Default 0. */
  readonly minVersion?: number | undefined
}

/** A release of a published document, as one reader gets it. */
export interface ReadDocument {
  readonly document: ConfigDocument
  readonly release: ConfigRelease
  /** Its text, whose hash was checked. */
  readonly text: string
}

/**
 * Reads what KV holds under the name of a configuration.
 *
 * @returns `null` when it is a plain text.
 * @throws {ConfigError} `corrupt` for whatever is not as it was published, `outdated` for a version below `minVersion`, `unavailable` while the body is
 * not there. There is no partly read one.
 */
export async function readConfigDocument(
  text: string,
  { unit, minVersion = 0, ...options }: ReadDocumentOptions,
): Promise<ReadDocument | null> {
  const document = parseConfigDocument(text, options.uri)
  if (document === null) {
    if (minVersion === 0) return null
    const reason = `must be a published document of version ${minVersion} or later`
    throw documentError(options.uri, 'corrupt', [{ path: '', reason }])
  }
  if (document.version < minVersion) {
    throw new ConfigError(
      `Cannot load ${options.uri}: version ${minVersion} or later was wanted, received ${document.version}`,
      { code: 'outdated', operation: 'load' },
    )
  }
  const release = chooseRelease(document, unit)
  return { document, release, text: await readReleaseBody(release, options) }
}

/** UTF-8 bytes that a document has at most: two bodies within it and its history, each character escaped. */
export const maxDocumentBytes =
  12 * configDocumentLimits.maxInlineBytes + configDocumentLimits.maxHistory * 65_536

function documentError(
  uri: string,
  code: ConfigErrorCode,
  faults: readonly ConfigFault[],
): ConfigError {
  const [first] = faults
  const place = first?.path ? `${first.path} ` : ''
  const more = faults.length > 1 ? `, and ${faults.length - 1} more` : ''
  return new ConfigError(`Cannot load ${uri}: ${place}${first?.reason ?? ''}${more}`, {
    code,
    operation: 'load',
    faults: faults.map((fault) => ({ ...fault, origin: { uri } })),
  })
}
