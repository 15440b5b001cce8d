import type { ConfigPath } from '../config-tree.ts'
import { canonicalText, type ConfigNode, type ListNode, type MapNode } from './config-node.ts'
import { matchesPath, parsePattern } from './config-path.ts'

/**
 * What becomes of a list where a later layer has one too: it is replaced, or the later one's items come after or before it, or after it
 * without those that are there already, or maps with the same value of one name are merged with each other.
 */
export type ListRule = 'replace' | 'append' | 'prepend' | 'unique' | { readonly mergeBy: string }

/** By path: `server.hosts`, `routes.*.tags`. `*` stands for any one name or index; of several that fit, the first counts. */
export type ListRules = Readonly<Record<string, ListRule>>

interface PatternRule {
  readonly pattern: ConfigPath
  readonly rule: ListRule
}

/**
 * Makes one of several layers, the later over the earlier: maps name by name, anything else replaced. A `null` replaces like any value: it
 * removes nothing. Where a map and a single value meet, the later one stays, with a warning.
 *
 * @param layers Maps, first the one that all the others are over.
 */
export function mergeLayers(
  layers: readonly ConfigNode[],
  { lists = {} }: { readonly lists?: ListRules } = {},
): ConfigNode {
  const rules = Object.entries(lists).map(([text, rule]) => ({ pattern: parsePattern(text), rule }))
  const empty: MapNode = {
    kind: 'map',
    entries: new Map(),
    origin: { uri: 'empty:' },
    overrode: [],
  }
  const [first = empty, ...others] = layers
  return others.reduce((merged, layer) => merge(merged, layer, [], rules), first)
}

function merge(
  under: ConfigNode,
  over: ConfigNode,
  path: ConfigPath,
  rules: readonly PatternRule[],
): ConfigNode {
  if (under.kind === 'map' && over.kind === 'map') return mergeMaps(under, over, path, rules)
  if (under.kind === 'list' && over.kind === 'list') {
    const rule = rules.find(({ pattern }) => matchesPath(path, pattern))?.rule ?? 'replace'
    if (rule !== 'replace') return mergeLists(under, over, { path, rule, rules })
  }
  const overrode = [...over.overrode, under, ...under.overrode]
  const warning = mismatch(under, over)
  return { ...over, overrode, ...(warning !== undefined && { warning }) }
}

function mismatch(under: ConfigNode, over: ConfigNode): string | undefined {
  const isNull = [under, over].some((node) => node.kind === 'leaf' && node.value === null)
  if (under.kind === over.kind || isNull) return undefined
  const words = { leaf: 'single value', list: 'list', map: 'map' }
  return `A ${words[over.kind]} replaced a ${words[under.kind]}`
}

function mergeMaps(
  under: MapNode,
  over: MapNode,
  path: ConfigPath,
  rules: readonly PatternRule[],
): MapNode {
  const entries = new Map(under.entries)
  for (const [name, member] of over.entries) {
    const before = entries.get(name)
    entries.set(name, before ? merge(before, member, [...path, name], rules) : member)
  }
  return { ...under, origin: over.origin, entries }
}

function mergeLists(under: ListNode, over: ListNode, { path, rule, rules }: ListMerge): ListNode {
  const join = (items: readonly ConfigNode[]): ListNode => ({ ...over, items })
  if (rule === 'append') return join([...under.items, ...over.items])
  if (rule === 'prepend') return join([...over.items, ...under.items])
  if (rule === 'unique') {
    const seen = new Set<string>()
    return join(
      [...under.items, ...over.items].filter((item) => {
        const text = canonicalText(item)
        return !seen.has(text) && seen.add(text)
      }),
    )
  }
  if (rule === 'replace') return over
  return join(mergeByName(under.items, over.items, { path, name: rule.mergeBy, rules }))
}

interface ListMerge {
  readonly path: ConfigPath
  readonly rule: ListRule
  readonly rules: readonly PatternRule[]
}

function mergeByName(
  under: readonly ConfigNode[],
  over: readonly ConfigNode[],
  {
    path,
    name,
    rules,
  }: { readonly path: ConfigPath; readonly name: string; readonly rules: readonly PatternRule[] },
): readonly ConfigNode[] {
  const items = [...under]
  const places = new Map<string, number>()
  for (const [index, item] of under.entries()) {
    const key = keyOf(item, name)
    // Of several with the same name, the first is the one that a later layer speaks of.
    if (key !== undefined && !places.has(key)) places.set(key, index)
  }
  for (const item of over) {
    const key = keyOf(item, name)
    const index = key === undefined ? undefined : places.get(key)
    const before = index === undefined ? undefined : items[index]
    if (index !== undefined && before) items[index] = merge(before, item, [...path, index], rules)
    else {
      if (key !== undefined) places.set(key, items.length)
      items.push(item)
    }
  }
  return items
}

function keyOf(item: ConfigNode, name: string): string | undefined {
  const key = item.kind === 'map' ? item.entries.get(name) : undefined
  return key?.kind === 'leaf' ? canonicalText(key) : undefined
}
