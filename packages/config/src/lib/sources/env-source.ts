import type { ConfigFault } from '../config-error.ts'
import { ConfigError } from '../config-error.ts'
import type { ConfigSource, SourceDocument } from '../config-source.ts'
import type { ConfigOrigin, ConfigPath, ConfigTree } from '../config-tree.ts'
import { notFound } from './source-error.ts'
import { decodeSourceText } from './source-text.ts'

export type ConfigEnvironment = Readonly<Record<string, string | undefined>>

/**
 * A configuration from variables of the environment.
 *
 * `env:APP_`, which ends in `_`, takes every variable of that prefix: `__` goes a level down, and `_` joins words, so that `APP_SERVER__MAX_PORTS` is
 * `server.maxPorts`. Values are texts, also those that look like numbers. None at all are an empty layer. `env:APP_CONFIG` is the text of a whole document in one
 * variable, of YAML or JSON; it is `not_found` where the variable is not set or empty. What they hold is not secret to this source: use references for that.
 *
 * @throws {TypeError} When `uri` is neither.
 *
 * @example
 * ```ts
 * import { envSource } from '@codex/config'
 *
 * const source = envSource('env:APP_', process.env)
 * ```
 */
export function envSource(uri: string, env: ConfigEnvironment): ConfigSource {
  const [, name] = /^env:([A-Za-z_][A-Za-z0-9_]*)$/.exec(uri) ?? []
  if (name === undefined) {
    throw new TypeError(
      'Cannot create env source: uri must be "env:" and a name of letters, digits and "_", received another one',
    )
  }
  return name.endsWith('_') ? prefixSource(uri, name, env) : variableSource(uri, name, env)
}

function variableSource(uri: string, name: string, env: ConfigEnvironment): ConfigSource {
  const load = (): SourceDocument => {
    const text = env[name] ?? ''
    if (text === '') throw notFound(uri)
    return { uri, text: decodeSourceText(uri, new TextEncoder().encode(text)) }
  }
  return {
    uri,
    load: () =>
      new Promise((resolve) => {
        resolve([load()])
      }),
  }
}

function prefixSource(uri: string, prefix: string, env: ConfigEnvironment): ConfigSource {
  return {
    uri,
    load: () =>
      new Promise((resolve) => {
        resolve([readVariables(uri, prefix, env)])
      }),
  }
}

interface Branch {
  [name: string]: string | Branch
}

function createBranch(): Branch {
  // Without a prototype, so that `__PROTO__` and `CONSTRUCTOR` are names like others.
  return Object.create(null) as Branch
}

function readVariables(uri: string, prefix: string, env: ConfigEnvironment): SourceDocument {
  const tree = createBranch()
  const names = new Map<string, string>()
  const faults: ConfigFault[] = []
  for (const name of Object.keys(env).sort()) {
    const value = env[name]
    if (value === undefined || !name.startsWith(prefix) || name === prefix) continue
    const path = toPath(name.slice(prefix.length))
    const reason = path === null ? 'must have words between "_" and "__"' : place(tree, path, value)
    if (reason !== null)
      faults.push({ path: path?.join('.') ?? '', reason, origin: { uri: `env:${name}` } })
    else names.set(JSON.stringify(path), name)
  }
  if (faults.length > 0) {
    const [first] = faults
    throw new ConfigError(
      `Cannot load ${uri}: ${first?.origin?.uri ?? ''} ${first?.reason ?? ''}${faults.length > 1 ? `, and ${faults.length - 1} more` : ''}`,
      { code: 'corrupt', operation: 'load', faults },
    )
  }
  const originOf = (path: ConfigPath): ConfigOrigin => {
    const name = names.get(JSON.stringify(path))
    return { uri: name === undefined ? uri : `env:${name}` }
  }
  const texts: unknown = tree
  return { uri, tree: texts as ConfigTree, originOf, isUntyped: true }
}

/** `SERVER__MAX_PORTS` is `server`, `maxPorts`. `null`: it cannot be read so. */
function toPath(rest: string): readonly string[] | null {
  const levels = rest.split('__')
  if (!levels.every((level) => /^[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*$/.test(level))) return null
  return levels.map((level) => {
    const [first = '', ...others] = level.toLowerCase().split('_')
    return first + others.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join('')
  })
}

/** @returns Why it cannot be there, or `null`. */
function place(tree: Branch, path: readonly string[], value: string): string | null {
  let branch = tree
  for (const name of path.slice(0, -1)) {
    const below = (branch[name] ??= createBranch())
    if (typeof below === 'string') return 'must not be below a variable that has a value'
    branch = below
  }
  const leaf = path.at(-1) ?? ''
  if (leaf in branch) return 'must not be said by two variables'
  branch[leaf] = value
  return null
}
