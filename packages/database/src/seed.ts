import { getTableColumns } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Database } from './database.ts'
import { sampleData } from './sample-data/sample-data.ts'
import { samplePassword } from './sample-data/sample-users.ts'
import {
  accounts,
  content,
  creators,
  mediaItems,
  platformSettings,
  purchases,
  refunds,
  users,
} from './schema.ts'

export { sampleData, type SampleData } from './sample-data/sample-data.ts'
export {
  sampleCreators,
  samplePassword,
  sampleUsers,
  type SampleUser,
} from './sample-data/sample-users.ts'

/** @see https://developers.cloudflare.com/d1/platform/limits/ */
const maxBoundParametersPerQuery = 100

export interface SeedOptions {
  /** Hashes {@link samplePassword} as the sign-in will want to verify it. Called once: the hash is shared. */
  readonly hashPassword: (password: string) => Promise<string>
  /** Where to put the sample media's files. Default: nowhere, so that a download of one answers "not found". */
  readonly bucket?: R2Bucket
  /** Clock, epoch ms. Dates of the sample content are counted back from it. Default `Date.now`. */
  readonly now?: () => number
}

export interface SeedResult {
  readonly insertedRows: number
}

/**
 * Fills a migrated database with a sample platform to browse: an owner, creators, customers, content in the
 * six categories of the migrations, media, purchases and settings.
 *
 * One transaction: it is there whole or not at all. Rows that exist already are left as they are, so seeding
 * again inserts nothing, and what somebody edited stays edited.
 *
 * Never for production: every sample user signs in with {@link samplePassword}.
 *
 * @returns How many rows were inserted: 0 when everything was there.
 */
export async function seed(database: Database, options: SeedOptions): Promise<SeedResult> {
  const { hashPassword, bucket, now = Date.now } = options
  const data = await sampleData({ nowMs: now() })
  const password = await hashPassword(samplePassword)
  const accountRows = data.users.map((user) => {
    const id = String(user.id)
    const { createdAt, updatedAt } = user
    const row = { id: `${id}-credential`, userId: id, accountId: id, providerId: 'credential' }
    return { ...row, password, createdAt, updatedAt }
  })

  const results = await runBatch(database, [
    ...insertMissing(database, users, data.users),
    ...insertMissing(database, accounts, accountRows),
    ...insertMissing(database, creators, data.creators),
    ...insertMissing(database, mediaItems, data.mediaItems),
    ...insertMissing(database, content, data.content),
    ...insertMissing(database, purchases, data.purchases),
    ...insertMissing(database, refunds, data.refunds),
    ...insertMissing(database, platformSettings, data.platformSettings),
  ])
  if (bucket !== undefined) {
    for (const [objectKey, file] of data.files) {
      await bucket.put(objectKey, file, {
        httpMetadata: { contentType: 'text/markdown' },
        onlyIf: new Headers({ 'if-none-match': '*' }),
      })
    }
  }
  return { insertedRows: results.reduce((sum, result) => sum + result.meta.changes, 0) }
}

type Insert = BatchItem<'sqlite'> & { readonly _: { readonly result: D1Result } }

async function runBatch(database: Database, queries: Insert[]): Promise<readonly D1Result[]> {
  const [first, ...rest] = queries
  return first === undefined ? [] : database.batch([first, ...rest])
}

function insertMissing<T extends SQLiteTable>(
  database: Database,
  table: T,
  rows: readonly T['$inferInsert'][],
): Insert[] {
  const rowsPerQuery = Math.floor(
    maxBoundParametersPerQuery / Object.keys(getTableColumns(table)).length,
  )
  const queries: Insert[] = []
  for (let start = 0; start < rows.length; start += rowsPerQuery) {
    const chunk = rows.slice(start, start + rowsPerQuery)
    queries.push(database.insert(table).values(chunk).onConflictDoNothing())
  }
  return queries
}
