import { createDraft, linksOf, listCategory, publishItem, unpublishItem } from '@codex/local-stack'
import { describe, expect, it } from 'vitest'
import { signedInSample, visitor } from '../src/visitor.ts'

const categories = [
  'courses',
  'sample-packs',
  'photo-presets',
  'writing',
  'design-templates',
  'film-assets',
]

describe('browsing', () => {
  it.each(categories)('shows the items of %s', async (slug) => {
    const response = await visitor().get(`/browse/${slug}`)
    expect(response.status).toBe(200)
    const items = linksOf(response).filter((path) => path.startsWith('/item/'))
    expect(items.length).toBeGreaterThanOrEqual(5)
  })

  it('goes from page to page without a gap or an item twice', async () => {
    const client = visitor()
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`
      const response = await client.get(`/api/content${query}`)
      expect(response.status).toBe(200)
      const page = JSON.parse(response.text) as {
        items: { slug: string }[]
        nextCursor: string | null
      }
      seen.push(...page.items.map(({ slug }) => slug))
      cursor = page.nextCursor
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThanOrEqual(50)
  })

  it('leads from a list to an item and to its creator', async () => {
    const client = visitor()
    const [item] = await listCategory(client, 'writing')
    const page = await client.get(`/item/${item?.slug ?? ''}`)
    expect(page.status).toBe(200)
    expect(page.text).toContain(item?.title)
    const creatorPath = linksOf(page).find((path) => path.startsWith('/creator/')) ?? ''
    expect((await client.get(creatorPath)).status).toBe(200)
  })

  it.each([
    '/browse/no-such-category',
    '/item/no-such-item',
    '/creator/nobody',
    '/no/such/page',
    '/item/%00',
    `/item/${'a'.repeat(2000)}`,
  ])('answers 404 for %s', async (path) => {
    expect((await visitor().get(path)).status).toBe(404)
  })

  it.each(['/browse?cursor=made-up', '/browse/writing?cursor=%7B%7D', '/api/content?cursor=x'])(
    'answers 400 for the damaged cursor in %s',
    async (path) => {
      expect((await visitor().get(path)).status).toBe(400)
    },
  )
})

describe('the list of a category', () => {
  it('costs database queries once, and again after an item was published or taken off', async () => {
    const slug = 'film-assets'
    const shelf = `/browse/${slug}`
    const ada = await signedInSample('ada')
    const reader = visitor()
    const title = `Fresh from the press ${crypto.randomUUID().slice(0, 8)}`
    const itemPath = await createDraft(ada, {
      title,
      categoryId: `sample-category-${slug}`,
      price: '9.50',
    })
    await reader.get(shelf)
    const hit = await reader.get(shelf)
    expect(hit.operations?.d1Queries).toBe(0)
    expect(hit.text).not.toContain(title)

    expect((await publishItem(ada, itemPath)).status).toBe(200)
    const afterPublish = await reader.get(shelf)
    expect(afterPublish.operations?.d1Queries).toBeGreaterThan(0)
    expect(afterPublish.text).toContain(title)
    expect((await reader.get(shelf)).operations?.d1Queries).toBe(0)

    expect((await unpublishItem(ada, itemPath)).status).toBe(200)
    const afterUnpublish = await reader.get(shelf)
    expect(afterUnpublish.operations?.d1Queries).toBeGreaterThan(0)
    expect(afterUnpublish.text).not.toContain(title)
  })
})
