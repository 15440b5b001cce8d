import { schemaFormat } from '@codex/cloudflare-clients/cache'
import { content, purchases, refunds, users, type Database } from '@codex/database'
import { and, asc, count, desc, eq, gte, lt, sql, type Column } from 'drizzle-orm'
import * as v from 'valibot'
import { invalidate, staleEntry } from '../cache/invalidate.ts'
import type { ServiceCache } from '../cache/service-cache.ts'
import { logServiceEvent, type ServiceEventReporter } from '../cache/service-event.ts'
import { platformCurrency } from '../content/content-input.ts'
import { invalidInput, parseInput, type InvalidInput } from '../validation/parse-input.ts'
import { toRange, toUtcDay, utcDaySchema } from './utc-day.ts'

const topContentLimit = 5

const dailyAnalyticsSchema = v.object({
  /** The UTC day, `YYYY-MM-DD`. */
  day: v.string(),
  /** Payments of the day, also those refunded later. */
  purchases: v.number(),
  /** What those payments came to in the platform's currency, before refunds. */
  revenueCents: v.number(),
  /** Full refunds made on the day, whenever the payment was. */
  refunds: v.number(),
  newUsers: v.number(),
  /** The day's best sellers, at most five. */
  topContent: v.array(
    v.object({
      contentId: v.string(),
      slug: v.string(),
      title: v.string(),
      purchases: v.number(),
      revenueCents: v.number(),
    }),
  ),
})
export type DailyAnalytics = v.InferOutput<typeof dailyAnalyticsSchema>

export interface AnalyticsServiceOptions {
  readonly database: Database
  /** Takes the definition of this service, so each client makes one of it. */
  readonly cache: ServiceCache
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** Hears of a cache entry that could not be deleted. Default: one line on the console. */
  readonly onEvent?: ServiceEventReporter
}

/**
 * Figures for one UTC day. A past day is cached for 24 h, the current one for 60 s.
 */
export interface AnalyticsService {
  /** A day that has not begun is invalid input. */
  daily(
    day: string,
  ): Promise<{ readonly ok: true; readonly analytics: DailyAnalytics } | InvalidInput>
  /**
   * For what is recorded late: drops a past day's figures when something dated on it arrives. The current day needs
   * nothing, its figures are never older than 60 s.
   *
   * @returns Whether no stale figures are left.
   */
  invalidateAt(epochMs: number): Promise<boolean>
}

export function createAnalyticsService({
  database,
  cache,
  now = Date.now,
  onEvent = logServiceEvent,
}: AnalyticsServiceOptions): AnalyticsService {
  const load = async (day: string): Promise<DailyAnalytics> => {
    const { start, end } = toRange(day)
    const onDay = (column: Column) => and(gte(column, start), lt(column, end))
    const revenueCents = sql<number>`coalesce(sum(case when ${purchases.currency} = ${platformCurrency} then ${purchases.amountCents} else 0 end), 0)`
    // One batch is one snapshot: the best sellers add up with the totals.
    const [[sales], [refunded], [joined], topContent] = await database.batch([
      database
        .select({ purchases: count().as('sold'), revenueCents: revenueCents.as('revenue') })
        .from(purchases)
        .where(onDay(purchases.purchasedAt)),
      database
        .select({ refunds: count().as('refunds') })
        .from(refunds)
        .where(onDay(refunds.refundedAt)),
      database
        .select({ newUsers: count().as('new_users') })
        .from(users)
        .where(onDay(users.createdAt)),
      database
        .select({
          contentId: content.id,
          slug: content.slug,
          title: content.title,
          purchases: count().as('sold'),
          revenueCents: revenueCents.as('revenue'),
        })
        .from(purchases)
        .innerJoin(content, eq(content.id, purchases.contentId))
        .where(onDay(purchases.purchasedAt))
        .groupBy(content.id)
        .orderBy(desc(sql`sold`), desc(sql`revenue`), asc(content.id))
        .limit(topContentLimit),
    ])
    return {
      day,
      purchases: sales?.purchases ?? 0,
      revenueCents: sales?.revenueCents ?? 0,
      refunds: refunded?.refunds ?? 0,
      newUsers: joined?.newUsers ?? 0,
      topContent,
    }
  }

  const dayKey = (day: string): [string] => [day]
  const days = cache.define<string, DailyAnalytics>('analytics', {
    key: dayKey,
    load: (day, { setFresh }) => {
      // It still grows.
      if (day >= toUtcDay(now())) setFresh('1m')
      return load(day)
    },
    format: schemaFormat(dailyAnalyticsSchema),
    fresh: '1d',
    // To the second, because the current day's figures are promised to be no older than a minute.
    jitter: 0,
    // The webhook worker corrects a past day, and only an owner looks at it.
    memory: false,
  })

  return {
    async daily(day) {
      const parsed = parseInput(utcDaySchema, day)
      if (!parsed.ok) return parsed
      const today = toUtcDay(now())
      // Days as they are written compare as dates do.
      if (day > today) return invalidInput({ path: '', message: 'That day has not begun' })
      return { ok: true, analytics: (await days.get(day)) ?? (await load(day)) }
    },

    async invalidateAt(epochMs) {
      const day = toUtcDay(epochMs)
      return (
        day >= toUtcDay(now()) ||
        invalidate([staleEntry(days, { id: day, key: dayKey })], { onEvent })
      )
    },
  }
}
