export type ByteRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly offset: number; readonly length: number }
  | { readonly kind: 'unsatisfiable' }

/**
 * Resolves a Range header against an object's size (RFC 9110 §14).
 *
 * Several ranges in one header, other units and malformed values ask for the whole object, as the RFC allows.
 */
export function resolveByteRange(header: string | null, sizeBytes: number): ByteRange {
  const match = header === null ? null : /^bytes=(\d*)-(\d*)$/.exec(header.trim())
  if (match === null) return { kind: 'whole' }
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return { kind: 'whole' }

  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    if (length === 0) return { kind: 'unsatisfiable' }
    return { kind: 'part', offset: sizeBytes - length, length }
  }
  const offset = Number(first)
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)
  if (last !== '' && Number(last) < offset) return { kind: 'whole' }
  if (offset >= sizeBytes) return { kind: 'unsatisfiable' }
  return { kind: 'part', offset, length: end - offset + 1 }
}
