import type { ConfigOrigin, ConfigPath, ConfigValue } from '../config-tree.ts'
import { Secret } from '../secret.ts'

interface NodeBase {
  readonly origin: ConfigOrigin
  /** Nearest layer first. */
  readonly overrode: readonly ConfigNode[]
  /** What is odd about it: a map where there was a single value. */
  readonly warning?: string
}

export type ConfigScalar = null | boolean | number | string | Secret

export interface LeafNode extends NodeBase {
  readonly kind: 'leaf'
  readonly value: ConfigScalar
  /** The references it was made of, as they were written and without their defaults. */
  readonly references: readonly string[]
  /** It is text for want of types: a variable of the environment, or wholly what a reference brought. A JSON Schema may make a number of it. */
  readonly isUntyped: boolean
  /** Its text is a secret because of its path. */
  readonly isMarkedSecret?: boolean
}

export interface ListNode extends NodeBase {
  readonly kind: 'list'
  readonly items: readonly ConfigNode[]
}

/** Its names are in a `Map`, so that none of them, such as `__proto__`, means anything. */
export interface MapNode extends NodeBase {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, ConfigNode>
}

/** A value of a configuration with where it comes from. */
export type ConfigNode = LeafNode | ListNode | MapNode

/** Beyond this, a configuration is refused: no reader should have to recurse further. */
export const maxDepth = 64

interface AnnotateOptions {
  /** Whether its texts are from where there are no types: what is in a variable is text, and means itself. Default `false`. */
  readonly isUntyped?: boolean
  /** Where the value is. Default: the root. */
  readonly path?: ConfigPath
}

/** Joins values with where each comes from. */
export function annotate(
  value: ConfigValue,
  originOf: (path: ConfigPath) => ConfigOrigin,
  { isUntyped = false, path = [] }: AnnotateOptions = {},
): ConfigNode {
  const within = (member: ConfigValue, name: string | number): ConfigNode =>
    annotate(member, originOf, { isUntyped, path: [...path, name] })
  const origin = originOf(path)
  if (isScalar(value)) {
    return leaf(value, { origin, isUntyped: isUntyped && typeof value === 'string' })
  }
  if (path.length >= maxDepth) {
    throw new RangeError(`Cannot read configuration: at most ${maxDepth} levels were wanted`)
  }
  if (isList(value)) {
    const items = value.map(within)
    return { kind: 'list', items, origin, overrode: [] }
  }
  const entries = new Map<string, ConfigNode>()
  for (const name of Object.keys(value)) {
    const member = value[name]
    if (member !== undefined) entries.set(name, within(member, name))
  }
  return { kind: 'map', entries, origin, overrode: [] }
}

export function leaf(
  value: ConfigScalar,
  options: { readonly origin: ConfigOrigin; readonly isUntyped?: boolean },
): LeafNode {
  const { origin, isUntyped = false } = options
  return { kind: 'leaf', value, references: [], isUntyped, origin, overrode: [] }
}

export function isScalar(value: ConfigValue): value is ConfigScalar {
  return value === null || typeof value !== 'object' || value instanceof Secret
}

function isList(value: ConfigValue): value is readonly ConfigValue[] {
  return Array.isArray(value)
}

/** The values alone, each leaf as `ofLeaf` gives it. */
export function toPlain(node: ConfigNode, ofLeaf: (leaf: LeafNode) => unknown): unknown {
  if (node.kind === 'leaf') return ofLeaf(node)
  if (node.kind === 'list') return node.items.map((item) => toPlain(item, ofLeaf))
  const tree: Record<string, unknown> = {}
  for (const [name, member] of node.entries) setOwn(tree, name, toPlain(member, ofLeaf))
  return tree
}

/** Sets a property that has no meaning but its value: `tree['__proto__'] = …` would change what the tree inherits. */
export function setOwn<T>(target: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

/** The values as they may be shown: of a secret only that it is one. */
export function toShown(node: ConfigNode, show: (leaf: LeafNode) => ConfigScalar): ConfigValue {
  return toPlain(node, show) as ConfigValue
}

/** Every leaf, and every map and list that is empty, in the order of the text. */
export function* leavesOf(
  node: ConfigNode,
  path: ConfigPath = [],
): Generator<{ readonly path: ConfigPath; readonly node: ConfigNode }> {
  const members = membersOf(node)
  if (members.length === 0) yield { path, node }
  for (const [segment, member] of members) yield* leavesOf(member, [...path, segment])
}

function membersOf(node: ConfigNode): readonly (readonly [string | number, ConfigNode])[] {
  if (node.kind === 'map') return [...node.entries]
  return node.kind === 'list' ? [...node.items.entries()] : []
}

/** What is at a path, or `undefined`. */
export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root
  for (const segment of path) node = node && memberOf(node, segment)
  return node
}

function memberOf(node: ConfigNode, segment: string | number): ConfigNode | undefined {
  if (node.kind === 'map') return node.entries.get(String(segment))
  if (node.kind === 'leaf' || !/^\d+$/.test(String(segment))) return undefined
  return node.items[Number(segment)]
}

/** Where a path is said, or the nearest thing above it that is there. */
export function originAt(root: ConfigNode, path: ConfigPath): ConfigOrigin {
  let node = root
  for (const segment of path) {
    const member = memberOf(node, segment)
    if (!member) break
    node = member
  }
  return node.origin
}

/** The same for values that are equal, whatever the order of their names. It has the texts of secrets: it is shown nowhere. */
export function canonicalText(node: ConfigNode): string {
  if (node.kind === 'leaf') {
    const { value } = node
    // Nothing else begins like this: a text that is no secret is quoted.
    return value instanceof Secret
      ? `secret${JSON.stringify(value.reveal())}`
      : JSON.stringify(value)
  }
  if (node.kind === 'list') return `[${node.items.map(canonicalText).join()}]`
  const members = [...node.entries].sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`).join()}}`
}

/** Whether it is a secret, or one is below it. */
export function holdsSecret(node: ConfigNode): boolean {
  if (node.kind === 'leaf') return node.value instanceof Secret
  const members = node.kind === 'map' ? [...node.entries.values()] : node.items
  return members.some(holdsSecret)
}
