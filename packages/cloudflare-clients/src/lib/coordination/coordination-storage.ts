/**
 * Where an object keeps what it promised: the synchronous key-value API of a Durable Object's SQLite, or a map. Synchronous,
 * so that nothing comes between reading and writing.
 *
 * @see https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 */
export interface CoordinationStorage {
  get(key: string): unknown
  list<T>(options: { readonly prefix: string }): Iterable<[string, T]>
  put(key: string, value: unknown): void
  delete(key: string): boolean
}
