import type { ConfigFault } from '../config-error.ts'
import type { ConfigPath } from '../config-tree.ts'
import { Secret } from '../secret.ts'
import type { ConfigNode, ConfigScalar, LeafNode } from './config-node.ts'
import { formatPath, matchesPath } from './config-path.ts'
import { parseTemplate, TemplateError, writeTemplate } from './reference-template.ts'
import type { ReferenceProvider } from './reference-provider.ts'

const mask = '[secret]'

export interface MarkedConfig {
  readonly root: ConfigNode
  readonly faults: readonly ConfigFault[]
}

/** Marks the texts at some paths, and all below them, as secrets in every layer. They become a `Secret` when references are resolved. */
export function markSecrets(root: ConfigNode, patterns: readonly ConfigPath[]): MarkedConfig {
  const faults: ConfigFault[] = []
  if (patterns.length === 0) return { root, faults }
  const mark = (node: ConfigNode, path: ConfigPath, above: MarkedAbove): ConfigNode => {
    const isMarked = above.isMarked || patterns.some((pattern) => matchesPath(path, pattern))
    const isInUse = above.isInUse
    const overrode = node.overrode.map((old) => mark(old, path, { isMarked, isInUse: false }))
    const markMember = (member: ConfigNode, segment: string | number): ConfigNode =>
      mark(member, [...path, segment], { isMarked, isInUse })
    if (node.kind === 'list') return { ...node, overrode, items: node.items.map(markMember) }
    if (node.kind === 'map') {
      const entries = Array.from(
        node.entries,
        ([name, member]) => [name, markMember(member, name)] as const,
      )
      return { ...node, overrode, entries: new Map(entries) }
    }
    if (!isMarked) return { ...node, overrode }
    if (isInUse && (typeof node.value === 'number' || typeof node.value === 'boolean')) {
      const reason = 'A secret has to be a text: quote it'
      faults.push({ path: formatPath(path), reason, origin: node.origin })
    }
    return { ...node, overrode, isMarkedSecret: true }
  }
  return { root: mark(root, [], { isMarked: false, isInUse: true }), faults }
}

interface MarkedAbove {
  readonly isMarked: boolean
  /** Not overridden by another layer. */
  readonly isInUse: boolean
}

/**
 * What may be shown of a value as a layer wrote it: references as they are, but the default of one that stands for a secret, which may be
 * one itself.
 */
export function createWrittenView(
  providers: Readonly<Record<string, ReferenceProvider>>,
): (leaf: LeafNode) => ConfigScalar {
  const isSecret = (name: string): boolean =>
    Object.hasOwn(providers, name) && providers[name]?.isSecret === true
  return ({ value, isMarkedSecret, isUntyped }) => {
    if (value instanceof Secret || (isMarkedSecret === true && value !== null)) return mask
    if (isUntyped || typeof value !== 'string' || !value.includes('${')) return value
    try {
      return writeTemplate(parseTemplate(value), ({ provider, fallback = [] }) =>
        isSecret(provider) ? mask : writeTemplate(fallback),
      )
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      // Which part of it is a default cannot be told.
      return '[malformed reference]'
    }
  }
}
