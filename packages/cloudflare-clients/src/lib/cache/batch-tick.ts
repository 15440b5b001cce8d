/**
 * Gathers what is asked for in one tick of the event loop into one call.
 *
 * Different requests do not meet in a batch: the runtime runs each in a turn of its own. Whoever asks first owns the call.
 *
 * @param call Answers all keys, in their order. Each key is in it once.
 */
export function batchTick<K, V>(
  maxKeys: number,
  call: (keys: readonly K[]) => Promise<readonly V[]>,
): (key: K) => Promise<V> {
  let open: { readonly keys: K[]; readonly answers: Promise<readonly V[]> } | undefined
  const begin = (): NonNullable<typeof open> => {
    const keys: K[] = []
    // One microtask later, so that callers who woke up together all come before the call.
    const answers = Promise.resolve().then(() => {
      if (open === batch) open = undefined
      return call(keys)
    })
    const batch = { keys, answers }
    return batch
  }
  return async (key) => {
    const { keys, answers } = (open ??= begin())
    let index = keys.indexOf(key)
    if (index < 0) index = keys.push(key) - 1
    if (keys.length >= maxKeys) open = undefined
    return (await answers)[index] as V
  }
}
