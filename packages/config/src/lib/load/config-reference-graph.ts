import type { ConfigPath } from '../config-tree.ts'
import { type ConfigNode, type LeafNode, nodeAt } from './config-node.ts'
import { parsePath } from './config-path.ts'
import { type Reference, referencesIn, type TemplatePart } from './reference-template.ts'

/** A leaf whose text has references. */
export interface TemplateLeaf {
  readonly path: ConfigPath
  readonly node: LeafNode
  readonly parts: readonly TemplatePart[]
}

/** What a `${config:path}` leads to. */
export type ConfigTarget =
  | { readonly kind: 'leaf'; readonly node: LeafNode }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wrong'; readonly reason: string }

export function findConfigTarget(root: ConfigNode, { key }: Reference): ConfigTarget {
  const [text = ''] = key
  if (key.length > 1 || typeof text !== 'string') {
    return { kind: 'wrong', reason: 'the path may have no reference in it' }
  }
  let path: ConfigPath
  try {
    path = parsePath(text)
  } catch {
    return { kind: 'wrong', reason: 'a path such as server.ports[2] was wanted' }
  }
  const node = nodeAt(root, path)
  if (!node || (node.kind === 'leaf' && node.value === null)) return { kind: 'nothing' }
  return node.kind === 'leaf'
    ? { kind: 'leaf', node }
    : { kind: 'wrong', reason: `a single value was wanted, there is a ${node.kind}` }
}

/**
 * Finds the leaves that refer to themselves by way of others, before anything is resolved: to wait for each other would never end.
 *
 * @returns Each such leaf with the leaves of its circle, itself first.
 */
export function findCycles(
  root: ConfigNode,
  leaves: readonly TemplateLeaf[],
): ReadonlyMap<LeafNode, readonly TemplateLeaf[]> {
  const byNode = new Map(leaves.map((leaf) => [leaf.node, leaf]))
  const targets = (leaf: TemplateLeaf): readonly TemplateLeaf[] =>
    Array.from(referencesIn(leaf.parts)).flatMap((reference) => {
      const target =
        reference.provider === 'config' ? findConfigTarget(root, reference) : { kind: 'nothing' }
      const found = target.kind === 'leaf' && 'node' in target ? byNode.get(target.node) : undefined
      return found ? [found] : []
    })
  const edges = new Map(leaves.map((leaf) => [leaf, targets(leaf)]))
  const cycles = new Map<LeafNode, readonly TemplateLeaf[]>()
  const done = new Set<TemplateLeaf>()
  for (const start of leaves) {
    const trail: TemplateLeaf[] = []
    const visit = (leaf: TemplateLeaf): void => {
      const at = trail.indexOf(leaf)
      if (at !== -1) {
        const circle = trail.slice(at)
        circle.forEach((member, index) => {
          cycles.set(member.node, [...circle.slice(index), ...circle.slice(0, index)])
        })
        return
      }
      if (done.has(leaf)) return
      trail.push(leaf)
      edges.get(leaf)?.forEach(visit)
      trail.pop()
      done.add(leaf)
    }
    visit(start)
  }
  return cycles
}
