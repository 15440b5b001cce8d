import type { ConfigOrigin, ConfigPath, ConfigValue } from '../config-tree.ts'
import { Secret } from '../secret.ts'
import {
  type ConfigNode,
  type ConfigScalar,
  holdsSecret,
  type LeafNode,
  leavesOf,
  nodeAt,
  toShown,
} from './config-node.ts'
import { formatPath, parsePath } from './config-path.ts'

/** What a configuration says at one place, and why. It holds no secret. */
export interface ConfigExplanation {
  /** `server.ports[2]`. Empty: the whole. */
  readonly path: string
  /** After references were resolved, before a schema made something else of it. Each secret is `[secret]`. */
  readonly value: ConfigValue
  readonly origin: ConfigOrigin
  /** What earlier layers said there, nearest first, with their references as written. */
  readonly overrode: readonly { readonly value: ConfigValue; readonly origin: ConfigOrigin }[]
  /** The references it was made of, such as `${env:PORT}`: as written, without their defaults. */
  readonly references: readonly string[]
  /** Whether it is a secret, or holds one. */
  readonly isSecret: boolean
  /** What is odd: `A map replaced a single value`. */
  readonly warning?: string
  /** Of a map or a list, each value in it. Of a single value, none. */
  readonly leaves: readonly ConfigExplanation[]
}

/** One value that two configurations do not have in common. It holds no secret. */
export interface ConfigDifference {
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  /** `[secret]` for a secret, so that of a changed one both are the same. Absent: it was not there. */
  readonly before?: ConfigValue
  readonly after?: ConfigValue
}

/** A configuration that was loaded, merged, resolved and validated. */
export interface LoadedConfig<T> {
  /** Deeply frozen: its maps and lists. What the schema made that is neither, such as a `Date`, is as the schema made it. */
  readonly value: T
  /**
   * Where a value comes from, and what it replaced.
   *
   * @param path `server.ports[2]`, or an empty text for everything.
   * @returns `null` where no layer says anything there; a default of the schema is such a value.
   * @throws `TypeError` for a text that is no path.
   */
  explain(path: string): ConfigExplanation | null
  /** Of the published documents among the sources, by URI. */
  readonly versions: Readonly<Record<string, number>>
  /** The URIs of what was merged, in that order. */
  readonly sources: readonly string[]
  /**
   * The same for two loads in one process that said the same, in whatever order of names. Secrets count, under a key that the process
   * never tells: nothing can be learnt of them from it, and another process has another fingerprint.
   */
  readonly fingerprint: string
  /** What changed since an older one, value by value, in the order of paths. */
  diffFrom(older: LoadedConfig<unknown>): readonly ConfigDifference[]
}

export interface LoadedParts<T> {
  readonly value: T
  readonly root: ConfigNode
  readonly versions: Readonly<Record<string, number>>
  readonly sources: readonly string[]
  readonly fingerprint: string
  /** What may be shown of a value that a layer said, before its references were resolved. */
  readonly showWritten: (leaf: LeafNode) => ConfigScalar
}

/** Apart from the objects themselves, so that printing one shows nothing of it. */
const roots = new WeakMap<object, ConfigNode>()

export function createLoadedConfig<T>(parts: LoadedParts<T>): LoadedConfig<T> {
  const { value, root, versions, sources, fingerprint, showWritten } = parts
  const loaded: LoadedConfig<T> = {
    value,
    versions,
    sources,
    fingerprint,
    explain(text) {
      const path = parsePath(text)
      const node = nodeAt(root, path)
      return node ? explain(path, node, showWritten) : null
    },
    diffFrom: (older) => diff(rootOf(older), root),
  }
  roots.set(loaded, root)
  return Object.freeze(loaded)
}

function rootOf(loaded: LoadedConfig<unknown>): ConfigNode {
  const root = roots.get(loaded)
  if (root) return root
  throw new TypeError('Cannot compare configuration: what loadConfig gave was wanted')
}

function explain(
  path: ConfigPath,
  node: ConfigNode,
  showWritten: (leaf: LeafNode) => ConfigScalar,
): ConfigExplanation {
  const inner = node.kind === 'leaf' ? [] : [...leavesOf(node, path)]
  const leaves = inner.filter((leaf) => leaf.node !== node)
  const { warning } = node
  return {
    path: formatPath(path),
    value: toShown(node, showResolved),
    origin: node.origin,
    overrode: node.overrode.map((before) => ({
      value: toShown(before, showWritten),
      origin: before.origin,
    })),
    references: node.kind === 'leaf' ? node.references : [],
    isSecret: holdsSecret(node),
    ...(warning !== undefined && { warning }),
    leaves: leaves.map((leaf) => explain(leaf.path, leaf.node, showWritten)),
  }
}

function showResolved({ value }: LeafNode): ConfigScalar {
  return value instanceof Secret ? String(value) : value
}

function diff(before: ConfigNode, after: ConfigNode): readonly ConfigDifference[] {
  const olds = leafMap(before)
  const news = leafMap(after)
  const paths = [...new Set([...olds.keys(), ...news.keys()])].sort()
  return paths.flatMap((path): ConfigDifference[] => {
    const old = olds.get(path)
    const now = news.get(path)
    if (old && now && isSame(old, now)) return []
    return [
      {
        path,
        kind: old ? (now ? 'changed' : 'removed') : 'added',
        ...(old && { before: toShown(old, showResolved) }),
        ...(now && { after: toShown(now, showResolved) }),
      },
    ]
  })
}

function leafMap(root: ConfigNode): ReadonlyMap<string, ConfigNode> {
  return new Map(Array.from(leavesOf(root), ({ path, node }) => [formatPath(path), node]))
}

/** Of leaves, and of maps and lists that are empty. */
function isSame(one: ConfigNode, other: ConfigNode): boolean {
  if (one.kind !== 'leaf' || other.kind !== 'leaf') return one.kind === other.kind
  const [a, b] = [one.value, other.value]
  return a instanceof Secret && b instanceof Secret ? a.equals(b) : a === b
}
