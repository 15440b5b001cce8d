import { drizzle } from 'drizzle-orm/d1'
import * as schema from './schema.ts'

/**
 * The platform's database: drizzle over D1 with this package's schema.
 *
 * It holds no connection and no cache, so one at module scope serves every request. A query that fails
 * rejects with drizzle's error, whose `cause` is D1's.
 *
 * @param d1 A D1 binding, or one wrapped by {@link meterD1}.
 *
 * @example
 * const database = createDatabase(env.DB)
 * const rows = await database.select().from(categories).orderBy(categories.position)
 */
export function createDatabase(d1: D1Database): Database {
  return drizzle(d1, { schema })
}

export type Database = ReturnType<typeof drizzle<typeof schema, D1Database>>
