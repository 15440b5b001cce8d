import type { ConfigOrigin } from '../lib/config-tree.ts'
import { formatOrigin } from './describe-failure.ts'
import { visibleText } from './visible-text.ts'

/** A difference of written documents, of releases, or of two loads. */
export interface ShownDifference {
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly before?: unknown
  readonly after?: unknown
  readonly originBefore?: ConfigOrigin
  readonly originAfter?: ConfigOrigin
}

const signs = { added: '+', removed: '-', changed: '~' } as const

/** `~ server.port: 80 → 8080  (file:a.yaml:2:3 → file:b.yaml:2:3)` */
export function formatDifference(difference: ShownDifference): string {
  const { path, kind, originBefore, originAfter } = difference
  const values = pair(kind, JSON.stringify(difference.before), JSON.stringify(difference.after))
  const places = pair(
    kind,
    originBefore && formatOrigin(originBefore),
    originAfter && formatOrigin(originAfter),
  )
  const where = places === '' ? '' : `  (${places})`
  return visibleText(`${signs[kind]} ${path === '' ? '(root)' : path}: ${values}${where}`)
}

function pair(
  kind: ShownDifference['kind'],
  before: string | undefined,
  after: string | undefined,
): string {
  if (kind === 'added') return after ?? ''
  if (kind === 'removed') return before ?? ''
  return before === undefined && after === undefined ? '' : `${before ?? ''} → ${after ?? ''}`
}
