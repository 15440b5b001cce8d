/**
 * Runs `task` over every item with at most `concurrency` at a time, and carries on past failures.
 *
 * @returns The errors of the tasks that failed, in the order they failed. An error of the iterable itself rejects,
 * after the tasks that had begun.
 */
export async function forEachConcurrent<T>(
  items: Iterable<T> | AsyncIterable<T>,
  concurrency: number,
  task: (item: T) => Promise<void>,
): Promise<unknown[]> {
  const errors: unknown[] = []
  // One generator shared by all runners: its queued next() calls hand each item to exactly one of them.
  const source = (async function* () {
    yield* items
  })()
  const run = async (): Promise<void> => {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      try {
        await task(next.value)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  // Not Promise.all: it would reject while tasks still run, and a Worker cancels what nobody waits for.
  const runs = await Promise.allSettled(Array.from({ length: concurrency }, run))
  for (const one of runs) if (one.status === 'rejected') throw one.reason
  return errors
}
