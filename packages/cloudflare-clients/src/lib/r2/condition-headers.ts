import type { ObjectCondition } from './stored-object.ts'

function quote(etag: string): string {
  return etag === '*' ? etag : `"${etag}"`
}

/** A condition as HTTP has it, which a binding takes as well as the S3 API does. */
export function toConditionHeaders(condition: ObjectCondition = {}): [string, string][] {
  const { etagMatches, etagDoesNotMatch, uploadedBeforeMs, uploadedAfterMs } = condition
  const headers: [string, string][] = []
  if (etagMatches !== undefined) headers.push(['if-match', quote(etagMatches)])
  if (etagDoesNotMatch !== undefined) headers.push(['if-none-match', quote(etagDoesNotMatch)])
  if (uploadedBeforeMs !== undefined) {
    headers.push(['if-unmodified-since', new Date(uploadedBeforeMs).toUTCString()])
  }
  if (uploadedAfterMs !== undefined) {
    headers.push(['if-modified-since', new Date(uploadedAfterMs).toUTCString()])
  }
  return headers
}
