/**
 * Waits for a callback, or for a signal.
 *
 * @param begin Gets the callback, and returns what ends the wait early.
 * @throws The reason of the signal.
 */
export function abortable(
  signal: AbortSignal | undefined,
  begin: (resolve: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const onAbort = (): void => {
      cancel()
      // The caller's own reason, as it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      reject(signal?.reason)
    }
    const cancel = begin(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Waits for work that others may be waiting for too, and that goes on when this one stops waiting. */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return work
  await abortable(signal, (resolve) => {
    work.then(resolve, resolve)
    return () => undefined
  })
  return work
}
