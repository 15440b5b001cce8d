import * as v from 'valibot'
import { objectMessage } from '../validation/object-message.ts'

export const defaultPageSize = 12
export const maxPageSize = 48

/** Where a page ended: the sort key of its last item. */
export interface Position {
  readonly atMs: number
  readonly id: string
}

const cursorPattern = /^(\d{1,15})_([\w-]{1,128})$/

function formatCursor(position: Position): string {
  return `${position.atMs}_${position.id}`
}

const cursorSchema = v.pipe(
  v.string('Use a cursor that a page returned'),
  v.regex(cursorPattern, 'Use a cursor that a page returned'),
  v.transform((cursor): Position => {
    const [, atMs = '', id = ''] = cursorPattern.exec(cursor) ?? []
    return { atMs: Number(atMs), id }
  }),
)

const pageEntries = {
  cursor: v.optional(cursorSchema),
  pageSize: v.optional(
    v.pipe(
      v.number('Set a page size'),
      v.integer('Use a whole page size'),
      v.minValue(1, 'Ask for at least 1 item'),
      v.maxValue(maxPageSize, `Ask for at most ${maxPageSize} items`),
    ),
    defaultPageSize,
  ),
}

export const pageSchema = v.strictObject(pageEntries, objectMessage)
export type PageInput = v.InferInput<typeof pageSchema>
/** A page's input once it is parsed. */
export type PageRequest = v.InferOutput<typeof pageSchema>

export const listPublishedSchema = v.strictObject(
  {
    ...pageEntries,
    categorySlug: v.optional(v.string('Name a category')),
  },
  objectMessage,
)
export type ListPublishedInput = v.InferInput<typeof listPublishedSchema>

interface ToPageOptions<T> {
  readonly pageSize: number
  readonly positionOf: (item: T) => Position
  /** Whether there are items after the given ones. Default: no. */
  readonly moreFollow?: boolean
}

/** The first `pageSize` items, and the cursor of the page after them when there are more. */
export function toPage<T>(
  items: readonly T[],
  { pageSize, positionOf, moreFollow = false }: ToPageOptions<T>,
): { readonly items: readonly T[]; readonly nextCursor: string | null } {
  const page = items.slice(0, pageSize)
  const last = page.at(-1)
  const more = moreFollow || items.length > pageSize
  return { items: page, nextCursor: more && last ? formatCursor(positionOf(last)) : null }
}
