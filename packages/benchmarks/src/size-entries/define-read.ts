/** What every entry exports: a read-through cache of one kind of thing, fresh for a minute. */
export type DefineRead = (
  kv: KVNamespace,
  load: (id: string) => Promise<string>,
) => (id: string) => Promise<string | null | undefined>
