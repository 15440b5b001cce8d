import { formatBytes } from '../format-bytes.ts'

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
