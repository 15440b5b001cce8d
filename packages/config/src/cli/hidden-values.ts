import type { ConfigFault } from '../lib/config-error.ts'
import type { ConfigOrigin, ConfigPath } from '../lib/config-tree.ts'
import { formatPath, matchesPath, parsePath, parsePattern } from '../lib/load/config-path.ts'
import type { ConfigExplanation, LoadedConfig } from '../lib/load/load-config.ts'
import { createSecretFinder } from '../lib/load/scrub-secrets.ts'
import { Secret } from '../lib/secret.ts'

/** What stands where a value is not shown. */
export const mask = '[secret]'

/** Shorter texts, such as `true` or `80`, are in every second message. */
const minTextLength = 4

/**
 * Decides which values are not shown: the secrets of a configuration, and as nobody says which variables of the environment are secret, all that came from it
 * unless their names were given as public.
 */
export class HiddenValues {
  readonly #publicNames: ReadonlySet<string>
  readonly #secretPaths: readonly ConfigPath[]
  readonly #texts = new Set<string>()

  /** @param options.secret Paths, such as `services.*.token`, below which nothing is shown. */
  constructor({
    publicEnv = [],
    secret = [],
  }: {
    readonly publicEnv?: readonly string[] | undefined
    readonly secret?: readonly string[] | undefined
  }) {
    this.#publicNames = new Set(publicEnv)
    this.#secretPaths = secret.map(parsePattern)
  }

  /** Whether a path is secret, or below one that is. */
  isSecretPath(path: string): boolean {
    const segments = parsePath(path)
    return this.#secretPaths.some((pattern) =>
      matchesPath(segments.slice(0, pattern.length), pattern),
    )
  }

  isPublic(name: string): boolean {
    return this.#publicNames.has(name)
  }

  /** Keeps a text out of what is shown, wherever a schema puts it. */
  add(text: string): void {
    // A schema may make a number of it, which is written otherwise: 0042137 becomes 42137.
    const number = Number(text)
    const texts = Number.isFinite(number) ? [text, String(number)] : [text]
    for (const one of texts) if (one.length >= minTextLength) this.#texts.add(one)
  }

  has(text: string): boolean {
    for (const hidden of this.#texts) if (text.includes(hidden)) return true
    return false
  }

  /** The leaves that are not shown, by path. */
  pathsOf(loaded: LoadedConfig<unknown>): ReadonlySet<string> {
    this.#addSecretsIn(loaded.value)
    const root = loaded.explain('')
    const leaves = root === null ? [] : root.leaves
    return new Set(leaves.filter((leaf) => this.#isHidden(leaf)).map(({ path }) => path))
  }

  /** An explanation with nothing in it that is not shown. */
  explanation(explanation: ConfigExplanation): ConfigExplanation {
    const isHidden = this.#isHidden(explanation)
    const { path, value, overrode, leaves } = explanation
    const paths = new Set(leaves.filter((leaf) => this.#isHidden(leaf)).map((leaf) => leaf.path))
    return {
      ...explanation,
      value: isHidden ? mask : this.#shown(value, path, paths),
      isSecret: explanation.isSecret || isHidden || paths.size > 0,
      overrode: overrode.map((before) => ({
        ...before,
        value: this.isFromEnvironment(before.origin) ? mask : this.#shown(before.value),
      })),
      leaves: leaves.map((leaf) => this.explanation(leaf)),
    }
  }

  /** A reason may quote a value. */
  fault(fault: ConfigFault): ConfigFault {
    const { reason } = fault
    const scrubbed = this.#scrub(reason)
    const isEncoded = createSecretFinder(Array.from(this.#texts, (text) => new Secret(text)))
    // Such as in base64.
    if (isEncoded(scrubbed)) return { ...fault, reason: 'It does not fit the schema' }
    return scrubbed === reason ? fault : { ...fault, reason: scrubbed }
  }

  /** A value as JSON has it, without what is not shown. `paths`: of hidden leaves. */
  value(value: unknown, path: string, paths: ReadonlySet<string>): unknown {
    if (paths.has(path) || value instanceof Secret) return mask
    if (this.#holdsHidden(value)) return mask
    if (typeof value === 'bigint') return String(value)
    if (Array.isArray(value)) {
      return value.map((item, index) => this.value(item, `${path}[${index}]`, paths))
    }
    if (typeof value !== 'object' || value === null) return value
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      return this.value((value as { toJSON(): unknown }).toJSON(), path, paths)
    }
    const entries = Object.entries(value).map(([name, member]): [string, unknown] => [
      name,
      this.value(member, joinPath(path, name), paths),
    ])
    return Object.fromEntries(entries)
  }

  #scrub(text: string): string {
    // The longest first: one may be a part of another.
    const texts = [...this.#texts].sort((a, b) => b.length - a.length)
    return texts.reduce((scrubbed, hidden) => scrubbed.replaceAll(hidden, mask), text)
  }

  #shown(
    value: ConfigExplanation['value'],
    path = '',
    paths: ReadonlySet<string> = new Set(),
  ): ConfigExplanation['value'] {
    return this.value(value, path, paths) as ConfigExplanation['value']
  }

  /** A schema may have put the text of one elsewhere. */
  #addSecretsIn(value: unknown): void {
    if (value instanceof Secret) this.add(value.reveal())
    else if (typeof value === 'object' && value !== null) {
      for (const member of Object.values(value)) this.#addSecretsIn(member)
    }
  }

  #isHidden({ isSecret, origin, references, value, leaves }: ConfigExplanation): boolean {
    if (leaves.length > 0) return false
    if (isSecret || this.isFromEnvironment(origin)) return true
    if (references.some((reference) => this.#namesVariable(reference))) return true
    return this.#holdsHidden(value)
  }

  #holdsHidden(value: unknown): boolean {
    const isText = typeof value === 'string' || typeof value === 'number'
    return (isText || typeof value === 'bigint') && this.has(String(value))
  }

  isFromEnvironment({ uri }: ConfigOrigin): boolean {
    return uri.startsWith('env:') && !this.isPublic(uri.slice('env:'.length))
  }

  #namesVariable(reference: string): boolean {
    const names = Array.from(reference.matchAll(/\$\{env:([^}:$]*)/g), ([, name = '']) => name)
    return names.some((name) => !this.isPublic(name))
  }
}

/** As paths are written: `server["a b"]`. */
function joinPath(path: string, name: string): string {
  return formatPath([...parsePath(path), name])
}
