import type { ConfigFault } from '../config-error.ts'
import type { ConfigPath } from '../config-tree.ts'
import { type ConfigNode, leaf, type MapNode, maxDepth } from './config-node.ts'
import { formatPath } from './config-path.ts'
import type { JsonSchemaValidator } from './json-schema-validator.ts'

/** Variables of the environment as a layer. */
export interface EnvironmentOverrides {
  /**
   * What the names begin with, at least one character: with `APP_`, `APP_SERVER__MAX_BYTES` is `server.maxBytes`. Two underscores
   * go a level down, or to an item of a list that is there (`APP_HOSTS__0`). Case and single underscores do not matter for names that
   * the configuration, or else the JSON Schema, has; any other name becomes camelCase.
   */
  readonly prefix: string
  /** Such as `process.env`, or the `env` of a Worker. What is no text does not count. The texts are taken as they are: `${` means nothing. */
  readonly env: Readonly<Record<string, unknown>>
}

export interface Overridden {
  readonly root: ConfigNode
  readonly faults: readonly ConfigFault[]
}

/** Puts the variables over a merged configuration, in the order of their names. */
export function applyOverrides(
  root: ConfigNode,
  { prefix, env }: EnvironmentOverrides,
  schema: JsonSchemaValidator | undefined,
): Overridden {
  if (prefix === '') {
    throw new TypeError('Cannot load configuration: a prefix of overrides was wanted, received ""')
  }
  const faults: ConfigFault[] = []
  let result = root
  const names = Object.keys(env).filter((name) => name.startsWith(prefix))
  for (const name of names.sort()) {
    const text = env[name]
    if (typeof text !== 'string') continue
    const segments = name.slice(prefix.length).split('__')
    try {
      const target: Target = { segments, text, uri: `env:${name}`, schema }
      result = override(result, target, [])
    } catch (error) {
      if (!(error instanceof OverrideError)) throw error
      faults.push({ path: '', reason: error.message, origin: { uri: `env:${name}` } })
    }
  }
  return { root: result, faults }
}

class OverrideError extends Error {}

interface Target {
  readonly segments: readonly string[]
  readonly text: string
  readonly uri: string
  readonly schema: JsonSchemaValidator | undefined
}

function override(node: ConfigNode | undefined, target: Target, path: ConfigPath): ConfigNode {
  const origin = { uri: target.uri }
  const segment = target.segments[path.length]
  if (segment === undefined) {
    const over = leaf(target.text, { origin, isUntyped: true })
    if (!node) return over
    const warning = node.kind === 'leaf' ? undefined : `A single value replaced a ${node.kind}`
    const overrode = [node, ...node.overrode]
    return { ...over, overrode, ...(warning !== undefined && { warning }) }
  }
  if (segment === '') throw new OverrideError('A name between underscores was wanted')
  if (path.length >= maxDepth) throw new OverrideError(`At most ${maxDepth} levels were wanted`)
  if (node?.kind === 'list') {
    const index = /^\d{1,6}$/.test(segment) ? Number(segment) : -1
    if (index < 0 || index > node.items.length) {
      const place = formatPath(path)
      throw new OverrideError(`An index from 0 to ${node.items.length} was wanted for ${place}`)
    }
    const items = [...node.items]
    items[index] = override(items[index], target, [...path, index])
    return { ...node, items }
  }
  const map = node?.kind === 'map' ? node : emptyMap(node, target.uri)
  const name = findName(segment, map, target.schema?.namesAt(path) ?? [])
  const entries = new Map(map.entries)
  entries.set(name, override(entries.get(name), target, [...path, name]))
  return { ...map, entries }
}

function emptyMap(before: ConfigNode | undefined, uri: string): MapNode {
  const map = { kind: 'map', entries: new Map(), origin: { uri }, overrode: [] } as const
  const isNothing = !before || (before.kind === 'leaf' && before.value === null)
  if (isNothing) return map
  const overrode = [before, ...before.overrode]
  return { ...map, overrode, warning: 'A map replaced a single value' }
}

function findName(segment: string, map: MapNode, schemaNames: readonly string[]): string {
  const wanted = plain(segment)
  for (const names of [[...map.entries.keys()], schemaNames]) {
    const found = [...new Set(names)].filter((name) => plain(name) === wanted)
    const exact = found.find((name) => name === segment)
    if (exact !== undefined) return exact
    const [only, another] = found
    if (another !== undefined) {
      throw new OverrideError(`One name was wanted, it may mean ${found.join(' or ')}`)
    }
    if (only !== undefined) return only
  }
  return segment.toLowerCase().replace(/_+([a-z\d])/g, (_, letter: string) => letter.toUpperCase())
}

function plain(name: string): string {
  return name.replaceAll(/[_-]/g, '').toLowerCase()
}
