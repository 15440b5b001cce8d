import type {
  content,
  creators,
  mediaItems,
  platformSettings,
  purchases,
  refunds,
  users,
} from '../schema.ts'
import { sampleCategories } from './sample-categories.ts'
import type { SampleItem } from './sample-item.ts'
import { samplePurchases } from './sample-purchases.ts'
import { sampleCreators, sampleUsers } from './sample-users.ts'

/** The rows of the sample platform, in the order in which foreign keys allow them to be inserted. */
export interface SampleData {
  readonly users: readonly (typeof users.$inferInsert)[]
  readonly creators: readonly (typeof creators.$inferInsert)[]
  readonly mediaItems: readonly (typeof mediaItems.$inferInsert)[]
  readonly content: readonly (typeof content.$inferInsert)[]
  readonly purchases: readonly (typeof purchases.$inferInsert)[]
  readonly refunds: readonly (typeof refunds.$inferInsert)[]
  readonly platformSettings: readonly (typeof platformSettings.$inferInsert)[]
  /** The files that `mediaItems` describe, by object key: what to put in the media bucket. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

const dayMs = 24 * 60 * 60 * 1000

/**
 * Builds the sample platform's rows and files. The same `nowMs` gives the same result to the byte, and ids
 * depend on nothing but the slugs.
 *
 * @param options.nowMs The day from which dates are counted back, epoch ms.
 */
export async function sampleData({ nowMs }: { nowMs: number }): Promise<SampleData> {
  const daysAgo = (days: number) => new Date(nowMs - days * dayMs)
  const joined = { createdAt: daysAgo(400), updatedAt: daysAgo(400) }
  const files = new Map<string, Uint8Array>()
  const mediaRows: (typeof mediaItems.$inferInsert)[] = []
  const contentRows: (typeof content.$inferInsert)[] = []

  for (const category of sampleCategories) {
    for (const item of category.items) {
      const at = { createdAt: daysAgo(item.ageDays + 2), updatedAt: daysAgo(item.ageDays) }
      const creatorId = userId(item.creator)
      const filename = `${item.slug}.md`
      const objectKey = `${storagePrefix(item.creator)}/${filename}`
      const file = new TextEncoder().encode(fileText(item))
      files.set(objectKey, file)
      mediaRows.push({
        id: `sample-media-${item.slug}`,
        creatorId,
        filename,
        objectKey,
        declaredType: 'text/markdown',
        detectedType: 'text/plain',
        sizeBytes: file.byteLength,
        sha256: await sha256Hex(file),
        status: 'ready',
        ...at,
      })
      contentRows.push({
        id: contentId(item.slug),
        slug: item.slug,
        creatorId,
        // The id that the migration gave it.
        categoryId: `sample-category-${category.slug}`,
        mediaItemId: `sample-media-${item.slug}`,
        title: item.title,
        summary: item.summary,
        body: item.paragraphs.join('\n\n'),
        priceCents: item.priceCents,
        currency: 'usd',
        featured: item.featured === true,
        status: item.draft === true ? 'draft' : 'published',
        publishedAt: item.draft === true ? null : daysAgo(item.ageDays),
        ...at,
      })
    }
  }

  const purchaseRows = samplePurchases.map((purchase) => {
    const price = contentRows.find((row) => row.slug === purchase.slug)?.priceCents
    if (price === undefined) throw new TypeError(`There is no sample item "${purchase.slug}"`)
    const key = `${purchase.buyer}_${purchase.slug}`
    return {
      id: `sample-purchase-${purchase.buyer}-${purchase.slug}`,
      userId: userId(purchase.buyer),
      contentId: contentId(purchase.slug),
      status: purchase.refundedDaysAgo === undefined ? ('paid' as const) : ('refunded' as const),
      amountCents: price,
      currency: 'usd',
      stripeSessionId: `cs_sample_${key}`,
      stripePaymentIntentId: `pi_sample_${key}`,
      purchasedAt: daysAgo(purchase.ageDays),
      refundedAt: purchase.refundedDaysAgo === undefined ? null : daysAgo(purchase.refundedDaysAgo),
    }
  })

  return {
    users: sampleUsers.map((user) => ({ ...user, emailVerified: true, ...joined })),
    creators: sampleCreators.map((creator) => ({
      userId: userId(creator.handle),
      ...creator,
      storagePrefix: storagePrefix(creator.handle),
      createdAt: joined.createdAt,
    })),
    mediaItems: mediaRows,
    content: contentRows,
    purchases: purchaseRows,
    refunds: purchaseRows.flatMap((row) =>
      row.refundedAt === null
        ? []
        : [
            {
              stripePaymentIntentId: row.stripePaymentIntentId,
              amountCents: row.amountCents,
              refundedAt: row.refundedAt,
            },
          ],
    ),
    platformSettings: Object.entries({
      siteName: 'Codex',
      tagline: 'Work by people who make things, for people who make things.',
      announcement: null,
      maxUploadBytes: 26_214_400,
      registrationOpen: true,
    }).map(([key, value]) => ({ key, value, updatedAt: joined.updatedAt })),
    files,
  }
}

function userId(slug: string): string {
  return `sample-user-${slug}`
}

function contentId(slug: string): string {
  return `sample-content-${slug}`
}

function storagePrefix(handle: string): string {
  return `creators/sample-${handle}`
}

function fileText(item: SampleItem): string {
  return [`# ${item.title}`, item.summary, ...item.paragraphs].join('\n\n') + '\n'
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
