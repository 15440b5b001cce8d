/**
 * A missing binding is `undefined` at run time whatever its generated type says. Found out here it has one clear
 * message; found out later every read would look like an outage.
 *
 * @throws {TypeError} When `kv` is no namespace.
 */
export function assertKV(action: string, kv: unknown): void {
  if (Object(kv) === kv) return
  throw new TypeError(
    `Cannot ${action}: kv must be a KVNamespace, received ${String(kv && typeof kv)} (is the binding configured?)`,
  )
}
