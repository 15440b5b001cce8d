import { error } from '@sveltejs/kit'
import { formatBytes } from '../format-bytes.ts'

/** Enough for every form of text on this site, with room to spare. */
const maxFormBytes = 64 * 1024

/**
 * Reads a form body of at most `maxBytes`.
 *
 * The declared length is checked before a byte is read. A body that declares none, or lies, is cut off while it is
 * read: what is buffered never exceeds the limit.
 *
 * @throws the 413 page for a body that is too large, the 400 page for one that is not a form
 */
export async function readForm(
  request: Request,
  { maxBytes = maxFormBytes }: { maxBytes?: number } = {},
): Promise<FormData> {
  const declared = request.headers.get('content-length')
  if (declared !== null && !(Number(declared) <= maxBytes)) refuseLarge(maxBytes)
  if (!request.body) return new FormData()

  let receivedBytes = 0
  const limited = request.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        receivedBytes += chunk.byteLength
        if (receivedBytes > maxBytes) {
          controller.error(new RangeError('The body is over its limit'))
        } else {
          controller.enqueue(chunk)
        }
      },
    }),
  )
  try {
    const type = request.headers.get('content-type') ?? ''
    return await new Response(limited, { headers: { 'content-type': type } }).formData()
  } catch (cause) {
    if (receivedBytes > maxBytes) refuseLarge(maxBytes)
    if (cause instanceof TypeError) {
      error(400, { message: 'That form arrived damaged. Please send it again.' })
    }
    throw cause
  }
}

/** The text of a field, or `''` when it is absent or a file. */
export function textField(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}

function refuseLarge(maxBytes: number): never {
  error(413, { message: `That is too large: ${formatBytes(maxBytes)} is the most we take here.` })
}
