import { schemaFormat } from '@codex/cloudflare-clients/cache'
import { creators, users, type CreatorRow, type Database } from '@codex/database'
import { eq } from 'drizzle-orm'
import * as v from 'valibot'
import type { ServiceCache } from '../cache/service-cache.ts'
import { insertWithSlug } from '../slug/insert-with-slug.ts'
import { isSlug, slugify } from '../slug/slugify.ts'
import {
  notFound,
  parseInput,
  type InvalidInput,
  type NotFound,
} from '../validation/parse-input.ts'

const bucketSchema = v.object({ storagePrefix: v.string() })
/** Where a creator's uploads live in the media bucket: object keys are `{storagePrefix}/…`. */
export type CreatorBucket = v.InferOutput<typeof bucketSchema>

const newCreatorSchema = v.object({
  id: v.pipe(v.string('Name a user'), v.minLength(1, 'Name a user')),
  name: v.pipe(v.string('Write a name'), v.trim(), v.minLength(1, 'Write a name')),
})
export type NewCreatorInput = v.InferInput<typeof newCreatorSchema>

const creatorSchema = v.object({
  id: v.string(),
  handle: v.string(),
  displayName: v.string(),
  bio: v.string(),
})
/** A creator's public face. */
export type Creator = Readonly<v.InferOutput<typeof creatorSchema>>

export interface CreatorServiceOptions {
  readonly database: Database
  /** Takes the definitions of this service, so each client makes one of it. */
  readonly cache: ServiceCache
}

/** Who publishes here, and where their uploads are kept. */
export interface CreatorService {
  /**
   * `null` when the user is not a creator. Cached for 24 h, which is safe because a prefix is never changed; that
   * someone is no creator is not cached, so that a new one can upload at once.
   */
  getBucket(creatorId: string): Promise<CreatorBucket | null>
  /** `null` when no creator has this handle, which is not cached. A creator's face is: it does not change yet. */
  getByHandle(handle: string): Promise<Creator | null>
  /**
   * Makes the user a creator if they are none: a handle from their name and a place for uploads. Any number of calls
   * at the same moment make one. `not_found` when there is no such user. Roles are not its matter.
   */
  ensureCreator(
    user: NewCreatorInput,
  ): Promise<{ readonly ok: true; readonly creator: Creator } | InvalidInput | NotFound>
}

export function createCreatorService({ database, cache }: CreatorServiceOptions): CreatorService {
  const findCreator = async (userId: string): Promise<Creator | undefined> => {
    const [row] = await database.select().from(creators).where(eq(creators.userId, userId))
    return row && toCreator(row)
  }

  const buckets = cache.define<string, CreatorBucket>('creator-bucket', {
    load: async (creatorId) => {
      const [row] = await database
        .select({ storagePrefix: creators.storagePrefix })
        .from(creators)
        .where(eq(creators.userId, creatorId))
      return row
    },
    format: schemaFormat(bucketSchema),
    fresh: '1d',
  })
  const profiles = cache.define<string, Creator>('creator-profile', {
    load: async (handle) => {
      const [row] = await database.select().from(creators).where(eq(creators.handle, handle))
      return row && toCreator(row)
    },
    format: schemaFormat(creatorSchema),
    fresh: '5m',
    stale: '1h',
    staleIfError: '1d',
  })

  return {
    getBucket: (creatorId) => buckets.get(creatorId),

    async getByHandle(handle) {
      return isSlug(handle) ? profiles.get(handle) : null
    },

    async ensureCreator(user) {
      const parsed = parseInput(newCreatorSchema, user)
      if (!parsed.ok) return parsed
      const { id, name } = parsed.value
      const existing = await findCreator(id)
      if (existing !== undefined) return { ok: true, creator: existing }
      const [known] = await database.select({ id: users.id }).from(users).where(eq(users.id, id))
      if (known === undefined) return notFound

      const creator = await insertWithSlug(slugify(name, 'creator'), async (handle) => {
        await database
          .insert(creators)
          .values({
            userId: id,
            handle,
            displayName: name,
            storagePrefix: `creators/${id}`,
          })
          .onConflictDoNothing()
        // A conflict is a taken handle, or this same user made a creator a moment ago: then theirs stands.
        return findCreator(id)
      })
      return { ok: true, creator }
    },
  }
}

function toCreator({ userId, handle, displayName, bio }: CreatorRow): Creator {
  return { id: userId, handle, displayName, bio }
}
