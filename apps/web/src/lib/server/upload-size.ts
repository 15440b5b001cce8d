import { formatBytes } from '../format-bytes.ts'

/**
 * The largest file that a plain form takes. A form is held in memory whole, its parts beside it, and an isolate has
 * 128 MB for all of its requests; the upload by script streams and has no such limit.
 * @see https://developers.cloudflare.com/workers/platform/limits/#memory
 */
export const maxFormFileBytes = 32 * 1024 * 1024

/** Room for what a form puts around the one file it carries. */
export const uploadOverheadBytes = 64 * 1024

/** Says why a body is too large to begin reading, by its declared length. `null`: it may be read. */
export function refuseLargeUpload(
  request: Request,
  { maxUploadBytes }: { maxUploadBytes: number },
): string | null {
  const declaredBytes = Number(request.headers.get('content-length') ?? 0)
  if (declaredBytes <= maxUploadBytes + uploadOverheadBytes) return null
  return `That file is too large: ${formatBytes(declaredBytes)}, where ${formatBytes(maxUploadBytes)} is the most we take.`
}
