/**
 * An address as messages have it: without what may be credentials. A query often is a signature, and where there is an `@` there may be a password before it.
 * A path is shown as it is.
 */
export function showUri(uri: string): string {
  const isPath = /^file:/i.test(uri) || !/^(?:[A-Za-z][A-Za-z0-9+.-]+:|\/\/)/.test(uri)
  if (isPath) return uri
  if (uri.includes('@')) return 'an address with @'
  return uri.replace(/[?#].*$/s, '?…')
}
