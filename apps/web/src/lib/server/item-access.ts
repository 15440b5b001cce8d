import type { PublishedContent } from '@codex/core-services'
import type { App } from './app.ts'

/** Why somebody may see what is inside an item, if they may. */
export type ItemAccess = 'none' | 'bought' | 'creator'

/** Who asks, and of what. */
export interface ItemVisitor {
  readonly app: {
    readonly content: Pick<App['content'], 'getWithdrawnBySlug'>
    readonly purchases: Pick<App['purchases'], 'hasPurchased'>
  }
  readonly session: { readonly user: { readonly id: string } } | null
}

export async function itemAccess(
  { app, session }: ItemVisitor,
  item: Pick<PublishedContent, 'id' | 'creator'>,
): Promise<ItemAccess> {
  if (!session) return 'none'
  if (session.user.id === item.creator.id) return 'creator'
  return (await app.purchases.hasPurchased(session.user.id, item.id)) ? 'bought' : 'none'
}

/**
 * An item that is no longer published, for whoever bought it and for its creator.
 *
 * @returns `null` for everybody else: to them it is as if it had never been.
 */
export async function openWithdrawn(
  visitor: ItemVisitor,
  slug: string,
): Promise<{
  readonly item: PublishedContent
  readonly access: Exclude<ItemAccess, 'none'>
} | null> {
  if (!visitor.session) return null
  const item = await visitor.app.content.getWithdrawnBySlug(slug)
  if (!item) return null
  const access = await itemAccess(visitor, item)
  return access === 'none' ? null : { item, access }
}
