import { linksOf, type SiteClient } from './site-client.ts'

/** A published item in the public list. */
export interface ListedItem {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly priceCents: number
}

/** The first page of the published items of a category, newest first. */
export async function listCategory(
  client: SiteClient,
  categorySlug: string,
): Promise<readonly ListedItem[]> {
  const response = await client.get(`/api/content?category=${encodeURIComponent(categorySlug)}`)
  const { items } = JSON.parse(response.text) as { items?: readonly ListedItem[] }
  if (items === undefined) throw new Error(`Expected a list of items, received ${response.text}`)
  return items
}

/** How often an item stands in someone's library. */
export async function countInLibrary(client: SiteClient, item: ListedItem): Promise<number> {
  const page = await client.get('/library')
  const headings = page.text.match(/<h2\b.*?<\/h2>/gs) ?? []
  const links = linksOf({ url: page.url, text: headings.join('\n') })
  return links.filter((path) => path === `/item/${item.slug}`).length
}
