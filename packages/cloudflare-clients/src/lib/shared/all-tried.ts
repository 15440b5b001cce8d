/** Waits for all of them. @throws The first failure, after every one has ended. */
export async function allTried(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}
