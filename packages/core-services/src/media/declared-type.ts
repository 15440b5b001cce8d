/** What stands for "nothing was declared": browsers send it, or nothing, for extensions they do not know. */
export const undeclaredType = 'application/octet-stream'

const maxDeclaredTypeLength = 100
const typePattern = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/

/**
 * Brings the media type that an uploader declared to `type/subtype` in lower case, without parameters.
 *
 * It is only ever compared with what the bytes say, never served, so one that is malformed or over 100
 * characters counts as not declared.
 */
export function normalizeDeclaredType(declaredType: string): string {
  const [essence = ''] = declaredType.split(';', 1)
  const type = essence.trim().toLowerCase()
  return type.length <= maxDeclaredTypeLength && typePattern.test(type) ? type : undeclaredType
}
