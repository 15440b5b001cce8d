import type { PublishedContent } from '@codex/core-services'
import { describe, expect, it } from 'vitest'
import { itemAccess, openWithdrawn } from './item-access.ts'

const item: PublishedContent = {
  id: 'content-1',
  slug: 'north-light',
  title: 'North Light',
  summary: '',
  body: 'What is inside',
  priceCents: 2400,
  currency: 'usd',
  mediaItemId: null,
  category: { slug: 'photography', name: 'Photography' },
  creator: { id: 'ada', handle: 'ada', displayName: 'Ada' },
  publishedAt: '2026-06-01T00:00:00.000Z',
}

/** Somebody on a site where `lin` has bought the one item there is, and its creator has taken it off the shelves. */
function visitor(userId: string | null) {
  const queries: string[] = []
  const app = {
    content: {
      getWithdrawnBySlug: (slug: string) => {
        queries.push(slug)
        return Promise.resolve(slug === item.slug ? item : null)
      },
    },
    purchases: {
      hasPurchased: (user: string, contentId: string) =>
        Promise.resolve(user === 'lin' && contentId === item.id),
    },
  }
  return { app, session: userId === null ? null : { user: { id: userId } }, queries }
}

describe('openWithdrawn', () => {
  it('opens for who bought it and for its creator', async () => {
    expect(await openWithdrawn(visitor('lin'), item.slug)).toEqual({ item, access: 'bought' })
    expect(await openWithdrawn(visitor('ada'), item.slug)).toEqual({ item, access: 'creator' })
  })

  it('is nothing to strangers, and to who is not signed in without asking the database', async () => {
    expect(await openWithdrawn(visitor('sam'), item.slug)).toBeNull()
    const anonymous = visitor(null)
    expect(await openWithdrawn(anonymous, item.slug)).toBeNull()
    expect(anonymous.queries).toEqual([])
  })

  it('is nothing for an item that there is not', async () => {
    expect(await openWithdrawn(visitor('lin'), 'unknown')).toBeNull()
  })
})

describe('itemAccess', () => {
  it('tells the creator from a buyer and both from everybody else', async () => {
    expect(await itemAccess(visitor('ada'), item)).toBe('creator')
    expect(await itemAccess(visitor('lin'), item)).toBe('bought')
    expect(await itemAccess(visitor('sam'), item)).toBe('none')
    expect(await itemAccess(visitor(null), item)).toBe('none')
  })
})
