/** What the publisher sends through a Queue when a version is in KV. */
export interface ConfigNotice {
  readonly codexConfig: 1
  /** Of the configuration: its key in KV. */
  readonly name: string
  readonly version: number
}

/** @returns `undefined` for what is no notice. */
export function parseNotice(notice: unknown): ConfigNotice | undefined {
  if (typeof notice !== 'object' || notice === null) return undefined
  const { codexConfig, name, version } = notice as Partial<Record<keyof ConfigNotice, unknown>>
  const isNotice =
    codexConfig === 1 &&
    typeof name === 'string' &&
    name !== '' &&
    Number.isSafeInteger(version) &&
    (version as number) > 0
  return isNotice ? { codexConfig, name, version: version as number } : undefined
}

/** Percent-decoded, where that can be done: a URI has it encoded, the name of a key has not. */
function decode(uri: string): string {
  try {
    return decodeURIComponent(uri)
  } catch {
    return uri
  }
}

/**
 * Whether a document of that name may come from the source: its URI ends with the name, or with a beginning of it and `*`. An account and a namespace
 * are not always told from a key, so it may be of another one: who asks in vain has lost little.
 */
export function isOfSource(uri: string, name: string): boolean {
  const place = decode(uri)
  if (!place.endsWith('*')) return endsWithName(place, name)
  const prefix = place.slice(0, -1)
  for (let length = name.length; length > 0; length--) {
    if (endsWithName(prefix, name.slice(0, length))) return true
  }
  // `kv:*`, `kv://alias/*` and `kv://account/namespace/*`: all that is there.
  return /^kv:(\/\/([^/]*|[\da-f]{32}\/[^/]*)\/)?$/i.test(prefix)
}

function endsWithName(place: string, name: string): boolean {
  if (!place.endsWith(name)) return false
  const before = place.at(-name.length - 1)
  return before === undefined || before === '/' || before === ':'
}

/** Of what is in use. */
export interface KnownVersions {
  readonly sources: readonly string[]
  readonly versions: Readonly<Record<string, number>>
}

/** What is in use of the document: a version for each source it may come from, 0 where it has none there. */
export function findVersions(
  { name }: ConfigNotice,
  { sources, versions }: KnownVersions,
): number[] {
  const known = Object.entries(versions).filter(([uri]) => endsWithName(decode(uri), name))
  if (known.length > 0) return known.map(([, version]) => version)
  return sources.some((uri) => isOfSource(uri, name)) ? [0] : []
}
