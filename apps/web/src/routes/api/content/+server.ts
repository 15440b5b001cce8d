import { json } from '@sveltejs/kit'
import { problem } from '$lib/server/problem.ts'
import type { RequestHandler } from './$types'

/** Published items, newest first: `?category=` and `?cursor=` (the `nextCursor` of the page before). */
export const GET: RequestHandler = async ({ locals, url }) => {
  const category = url.searchParams.get('category')
  const cursor = url.searchParams.get('cursor')
  const page = await locals.app.content.listPublished({
    ...(category !== null && { categorySlug: category }),
    ...(cursor !== null && { cursor }),
  })
  if (page.ok) return json({ items: page.items, nextCursor: page.nextCursor })
  if (page.reason === 'not_found') return problem(404, 'There is no such category.')
  return problem(400, page.issues.map(({ message }) => message).join('. '))
}
