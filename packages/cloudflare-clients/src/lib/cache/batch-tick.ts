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
  const gather = async (own: readonly K[]): Promise<readonly V[]> => {
    // One microtask later, so that callers who woke up together all come before the call.
    await Promise.resolve()
    if (keys === own) answers = undefined
    return await call(own)
  }
  return (key) => {
    if (!answers || keys.length >= maxKeys) answers = gather((keys = []))
    let index = keys.indexOf(key)
    if (index < 0) index = keys.push(key) - 1
    return answers.then((found) => found[index] as V)
  }
}
