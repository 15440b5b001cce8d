import type { SourceDocument } from '../lib/config-source.ts'
import type { ConfigOrigin } from '../lib/config-tree.ts'
import { annotate, type ConfigNode, leavesOf } from '../lib/load/config-node.ts'
import { formatPath } from '../lib/load/config-path.ts'
import { mergeLayers } from '../lib/load/merge-layers.ts'
import { parseDocument } from '../lib/load/parse-document.ts'
import { type HiddenValues, mask } from './hidden-values.ts'

/** One value as it is written: references are not resolved, so that nothing secret is read. */
interface WrittenValue {
  readonly value: unknown
  readonly origin: ConfigOrigin
}

/** Every value of some documents, merged, by path. */
export type WrittenConfig = ReadonlyMap<string, WrittenValue>

/** @throws {ConfigError} `corrupt` when one cannot be parsed. */
export function readWritten(documents: readonly SourceDocument[]): WrittenConfig {
  const layers = documents.map((document) => {
    const { tree, originOf } = parseDocument(document)
    return annotate(tree, originOf)
  })
  const values = new Map<string, WrittenValue>()
  for (const { path, node } of leavesOf(mergeLayers(layers))) {
    values.set(formatPath(path), { value: valueOf(node), origin: node.origin })
  }
  return values
}

function valueOf(node: ConfigNode): unknown {
  if (node.kind === 'map') return {}
  return node.kind === 'list' ? [] : node.value
}

export interface WrittenDifference {
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly before?: unknown
  readonly after?: unknown
  readonly originBefore?: ConfigOrigin
  readonly originAfter?: ConfigOrigin
}

/** Value by value, in the order of paths. What came from the environment is not shown. */
export function diffWritten(
  before: WrittenConfig,
  after: WrittenConfig,
  hidden: HiddenValues,
): readonly WrittenDifference[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort()
  return paths.flatMap((path): WrittenDifference[] => {
    const old = before.get(path)
    const now = after.get(path)
    if (old !== undefined && now !== undefined && isSame(old, now)) return []
    return [
      {
        path,
        kind: old === undefined ? 'added' : now === undefined ? 'removed' : 'changed',
        ...(old && { before: shown(old, path, hidden), originBefore: old.origin }),
        ...(now && { after: shown(now, path, hidden), originAfter: now.origin }),
      },
    ]
  })
}

function isSame(one: WrittenValue, other: WrittenValue): boolean {
  return JSON.stringify(one.value) === JSON.stringify(other.value)
}

function shown({ value, origin }: WrittenValue, path: string, hidden: HiddenValues): unknown {
  return hidden.isFromEnvironment(origin) || hidden.isSecretPath(path) ? mask : value
}
