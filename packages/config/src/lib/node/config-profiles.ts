import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { ConfigEnvironment } from '../sources/env-source.ts'

/** A namespace of Workers KV by a short name: `kv://<alias>/<key>`. It holds no secret, only the names of the variables that do. */
export interface KVProfile {
  /** Default: that of `CLOUDFLARE_ACCOUNT_ID`. */
  readonly accountId?: string
  /** Either this or `namespaceTitle`. */
  readonly namespaceId?: string
  readonly namespaceTitle?: string
  /** The variables that have the credentials. Default: those of KV over HTTP. */
  readonly auth?:
    | { readonly tokenVariable: string }
    | { readonly keyVariable: string; readonly emailVariable: string }
  /** Of the API. Default: that of Cloudflare. */
  readonly baseUrl?: string
  /** Where changes are published, for the command and for publishers. */
  readonly authority?: { readonly url: string; readonly tokenVariable?: string }
}

/** A bucket behind the S3 API by a short name: `s3://<alias>/<key>`. */
export interface BucketProfile {
  readonly bucket: string
  /** Default: as without a profile, from the environment. */
  readonly endpoint?: string
  readonly region?: string
  /** Default `AWS_ACCESS_KEY_ID`. */
  readonly accessKeyIdVariable?: string
  /** Default `AWS_SECRET_ACCESS_KEY`. */
  readonly secretAccessKeyVariable?: string
  /** Default `AWS_SESSION_TOKEN`, and none where another key is named. */
  readonly sessionTokenVariable?: string
}

export type ConfigProfile = KVProfile | BucketProfile
export type ConfigProfiles = Readonly<Record<string, ConfigProfile>>

/** The file that is read where `CODEX_CONFIG_PROFILES` is not set, if it is there. */
const defaultProfilesFile = 'codex-config.profiles.yaml'

/**
 * Reads the profiles of a program: from the file that `CODEX_CONFIG_PROFILES` names, or from its text where that begins with `{`, else from
 * `codex-config.profiles.yaml` in the working directory, if there is one.
 *
 * @throws {TypeError} When the file that is named is not there, or what is in it are no profiles. No value of it is in the message.
 */
export function readConfigProfiles(env: ConfigEnvironment): ConfigProfiles {
  const named = env.CODEX_CONFIG_PROFILES ?? ''
  if (named.trimStart().startsWith('{')) return parseConfigProfiles(named, 'CODEX_CONFIG_PROFILES')
  const path = named === '' ? defaultProfilesFile : named
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as { readonly code?: string }
    if (named === '' && code === 'ENOENT') return {}
    throw new TypeError(`Cannot read profiles: ${path} must be a file (${String(code)})`, {
      cause: error,
    })
  }
  return parseConfigProfiles(text, path)
}

/** @throws {TypeError} When the text, of YAML or JSON, holds no profiles. */
export function parseConfigProfiles(text: string, name: string): ConfigProfiles {
  let value: unknown
  try {
    value = parse(text, { logLevel: 'error' })
  } catch {
    // The parser's own words have a piece of the text in them.
    throw new TypeError(`Cannot read profiles: ${name} must be YAML or JSON, received another text`)
  }
  return checkConfigProfiles(value ?? {}, name)
}

const aliasPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
/** What an account or a namespace is called by. */
export const idPattern = /^[0-9a-f]{32}$/i
const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/
const kvFields = ['accountId', 'namespaceId', 'namespaceTitle', 'auth', 'baseUrl', 'authority']
const bucketFields = [
  'bucket',
  'endpoint',
  'region',
  'accessKeyIdVariable',
  'secretAccessKeyVariable',
  'sessionTokenVariable',
]

/** @throws {TypeError} Naming the place, never a value: somebody may have put a token there. */
export function checkConfigProfiles(value: unknown, name: string): ConfigProfiles {
  const profiles = toFields(value, name)
  for (const [alias, profile] of Object.entries(profiles)) {
    if (!aliasPattern.test(alias) || idPattern.test(alias)) {
      const wanted = 'an alias must be letters, digits, ".", "_" and "-", and not look like an id'
      throw new TypeError(`Cannot read profiles: in ${name} ${wanted}`)
    }
    checkProfile(profile, `${name}: ${alias}`)
  }
  return profiles as ConfigProfiles
}

function checkProfile(value: unknown, place: string): void {
  const profile = toFields(value, place)
  const isBucket = 'bucket' in profile
  checkFields(profile, { place, names: isBucket ? bucketFields : kvFields })
  for (const [field, text] of Object.entries(profile)) {
    if (field === 'auth' || field === 'authority') continue
    checkText(text, `${place}.${field}`, field.endsWith('Variable'))
  }
  if (isBucket) return
  if ('namespaceId' in profile === 'namespaceTitle' in profile) {
    throw new TypeError(`Cannot read profiles: ${place} must have namespaceId or namespaceTitle`)
  }
  if (profile.auth !== undefined) {
    const auth = toFields(profile.auth, `${place}.auth`)
    const names = 'tokenVariable' in auth ? ['tokenVariable'] : ['keyVariable', 'emailVariable']
    checkFields(auth, { place: `${place}.auth`, names })
    for (const field of names) checkText(auth[field], `${place}.auth.${field}`, true)
  }
  if (profile.authority !== undefined) {
    const authority = toFields(profile.authority, `${place}.authority`)
    checkFields(authority, { place: `${place}.authority`, names: ['url', 'tokenVariable'] })
    checkText(authority.url, `${place}.authority.url`, false)
    if (authority.tokenVariable === undefined) return
    checkText(authority.tokenVariable, `${place}.authority.tokenVariable`, true)
  }
}

function toFields(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw new TypeError(`Cannot read profiles: ${place} must be a map`)
}

function checkFields(
  fields: Readonly<Record<string, unknown>>,
  { place, names }: { readonly place: string; readonly names: readonly string[] },
): void {
  if (Object.keys(fields).every((field) => names.includes(field))) return
  throw new TypeError(`Cannot read profiles: ${place} must have no fields but ${names.join(', ')}`)
}

function checkText(value: unknown, place: string, isVariable: boolean): void {
  const isRight =
    typeof value === 'string' && value !== '' && (!isVariable || variablePattern.test(value))
  if (isRight) return
  const wanted = isVariable ? 'the name of a variable' : 'a text'
  throw new TypeError(`Cannot read profiles: ${place} must be ${wanted}`)
}
