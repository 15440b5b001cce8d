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
  let keys: K[] = []
  let answers: Promise<readonly V[]> | undefined
  return async (key) => {
    if (!answers || keys.length >= maxKeys) {
      const own: K[] = (keys = [])
      // One microtask later, so that callers who woke up together all come before the call.
      answers = Promise.resolve().then(() => {
        if (keys === own) answers = undefined
        return call(own)
      })
    }
    let index = keys.indexOf(key)
    if (index < 0) index = keys.push(key) - 1
    return (await answers)[index] as V
  }
}
