import { processedWebhookEvents, type Database } from '@codex/database'
import type { PendingChange } from '@codex/core-services'
import type { StripeEvent } from './stripe-event.ts'

export type CommitResult = 'committed' | 'duplicate' | 'broken_reference'

/**
 * Commits an event's effects together with the row that says it was processed. They are one D1 batch, which is one
 * transaction, and that row's primary key lets only the first delivery through: the others fail on it before anything
 * else runs and leave nothing, however many arrive at the same moment.
 */
export async function commitOnce(
  database: Database,
  event: StripeEvent,
  { statements, processedAt }: Pick<PendingChange, 'statements'> & { readonly processedAt: Date },
): Promise<CommitResult> {
  const processed = database.insert(processedWebhookEvents).values({
    provider: 'stripe',
    eventId: event.id,
    type: event.type,
    eventCreatedAt: new Date(event.created * 1000),
    processedAt,
  })
  try {
    await database.batch([processed, ...statements])
    return 'committed'
  } catch (error) {
    const message = describeDatabaseError(error)
    if (message.includes('UNIQUE constraint failed: processed_webhook_events.')) return 'duplicate'
    if (message.includes('FOREIGN KEY constraint failed')) return 'broken_reference'
    throw error
  }
}

/** D1's own words. Drizzle's message around them holds the query's parameters, which are people's data. */
export function describeDatabaseError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
