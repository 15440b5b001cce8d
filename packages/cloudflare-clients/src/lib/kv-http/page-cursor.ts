/**
 * Where a page starts. The API's pages have 10 keys at least and those of a binding 1, so a page may end inside of one of
 * the API's: then it is the cursor of that page, and the last key that was given.
 */
export interface PageStart {
  /** The API's own. Empty: the beginning. */
  readonly apiCursor: string
  readonly afterKey: string | undefined
}

/** Cursors of the API are base64, where this does not occur. */
const marker = '~'

export function encodePageStart({ apiCursor, afterKey }: PageStart): string {
  return afterKey === undefined ? apiCursor : `${marker}${JSON.stringify([apiCursor, afterKey])}`
}

/** Takes anything, as a binding does: what is none of ours is for the API to judge. */
export function decodePageStart(cursor: string): PageStart {
  if (cursor.startsWith(marker)) {
    try {
      const [apiCursor, afterKey] = JSON.parse(cursor.slice(marker.length)) as [unknown, unknown]
      if (typeof apiCursor === 'string' && typeof afterKey === 'string') {
        return { apiCursor, afterKey }
      }
    } catch {
      // Not one of ours.
    }
  }
  return { apiCursor: cursor, afterKey: undefined }
}
