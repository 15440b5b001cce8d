import type { InvalidInput, PendingChange } from '../src/index.ts'
import { database, expectOk } from './fixtures.ts'

/** Runs a pending change in one batch, as the webhook worker does. */
export async function commit(change: PendingChange | InvalidInput): Promise<void> {
  const [first, ...rest] = expectOk(change).statements
  if (first !== undefined) await database.batch([first, ...rest])
}
