import { isHttpError, isRedirect } from '@sveltejs/kit'
import { describe, expect, it } from 'vitest'
import { GET } from './+server.ts'

type RouteEvent = Parameters<typeof GET>[0]

/** Asks for the file of an item by `ada` that `lin` has bought. Answers with the status, and the file that was opened. */
async function download(userId: string | null, { published }: { published: boolean }) {
  const opened: string[] = []
  const item = {
    id: 'content-1',
    slug: 'north-light',
    creator: { id: 'ada' },
    mediaItemId: 'media-1',
  }
  const event = {
    params: { slug: item.slug },
    url: new URL(`https://codex.example/item/${item.slug}/download`),
    request: new Request(`https://codex.example/item/${item.slug}/download`),
    locals: {
      session: userId === null ? null : { user: { id: userId } },
      app: {
        content: {
          getPublishedBySlug: () => Promise.resolve(published ? item : null),
          getWithdrawnBySlug: () => Promise.resolve(published ? null : item),
        },
        purchases: { hasPurchased: (user: string) => Promise.resolve(user === 'lin') },
        media: {
          open: (id: string) => {
            opened.push(id)
            return Promise.resolve({ ok: true, status: 200, headers: new Headers(), body: null })
          },
        },
      },
    },
  }
  try {
    return { status: (await GET(event as unknown as RouteEvent)).status, opened }
  } catch (thrown) {
    if (isHttpError(thrown) || isRedirect(thrown)) return { status: thrown.status, opened }
    throw thrown
  }
}

describe('downloading', () => {
  it.each([true, false])(
    'opens the file to its buyer and its creator (published: %j)',
    async (published) => {
      for (const userId of ['lin', 'ada']) {
        expect(await download(userId, { published })).toEqual({ status: 200, opened: ['media-1'] })
      }
    },
  )

  it('asks a stranger to buy, and knows nothing of the item once it is off the shelves', async () => {
    expect(await download('sam', { published: true })).toEqual({ status: 403, opened: [] })
    expect(await download('sam', { published: false })).toEqual({ status: 404, opened: [] })
  })

  it('sends who is not signed in to sign in', async () => {
    expect(await download(null, { published: true })).toEqual({ status: 303, opened: [] })
  })
})
