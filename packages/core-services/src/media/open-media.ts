import type { MediaItemRow } from '@codex/database'
import { resolveByteRange } from './byte-range.ts'
import { undeclaredType } from './declared-type.ts'
import { attachmentDisposition } from './filename.ts'

/**
 * An answer that a route can return as it is, once it has added its own Cache-Control.
 *
 * 200 the whole file, 206 the requested range, 304 the caller's copy is current, 416 the range is outside the file.
 */
export type OpenMediaResult =
  | {
      readonly ok: true
      readonly status: 200 | 206 | 304 | 416
      readonly headers: Headers
      readonly body: ReadableStream<Uint8Array> | null
      readonly media: MediaItemRow
    }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_ready' }

/**
 * Opens the stored bytes of a `ready` item for a download.
 *
 * Reads `Range`, `If-Range` and `If-None-Match` of the request. The type is the one that processing found in
 * the bytes, never the declared one, and the file is offered as an attachment with sniffing turned off. Size and
 * entity tag (the bytes' SHA-256) come from the row, so that 304 and 416 cost no R2 operation and the rest one.
 */
export async function openMedia(
  bucket: R2Bucket,
  media: MediaItemRow,
  requestHeaders: Headers,
): Promise<OpenMediaResult> {
  if (media.status !== 'ready') return { ok: false, reason: 'not_ready' }
  const { sizeBytes, objectKey } = media
  const etag = media.sha256 === null ? null : `"${media.sha256}"`
  const headers = new Headers({
    'accept-ranges': 'bytes',
    'content-disposition': attachmentDisposition(media.filename),
    'content-type': servedType(media.detectedType),
    'x-content-type-options': 'nosniff',
  })
  if (etag !== null) headers.set('etag', etag)
  const answer = (
    status: 200 | 206 | 304 | 416,
    body: ReadableStream<Uint8Array> | null,
  ): OpenMediaResult => ({ ok: true, status, headers, body, media })

  if (matchesEtag(requestHeaders.get('if-none-match'), etag)) return answer(304, null)

  const ifRange = requestHeaders.get('if-range')
  const mayUseRange = ifRange === null || ifRange === etag
  const range = resolveByteRange(mayUseRange ? requestHeaders.get('range') : null, sizeBytes)
  if (range.kind === 'unsatisfiable') {
    headers.set('content-range', `bytes */${sizeBytes}`)
    return answer(416, null)
  }
  if (range.kind === 'part') {
    const { offset, length } = range
    const object = await bucket.get(objectKey, { range: { offset, length } })
    if (object === null) return { ok: false, reason: 'not_found' }
    headers.set('content-range', `bytes ${offset}-${offset + length - 1}/${sizeBytes}`)
    headers.set('content-length', String(length))
    return answer(206, object.body)
  }
  const object = await bucket.get(objectKey)
  if (object === null) return { ok: false, reason: 'not_found' }
  headers.set('content-length', String(object.size))
  return answer(200, object.body)
}

/** If-None-Match compares weakly: a proxy may have put `W/` before the tag. */
function matchesEtag(header: string | null, etag: string | null): boolean {
  if (header === null || etag === null) return false
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

function servedType(detectedType: string | null): string {
  if (detectedType === null) return undeclaredType
  return detectedType.startsWith('text/') ? `${detectedType}; charset=utf-8` : detectedType
}
