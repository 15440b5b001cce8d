import { loadShelf } from '$lib/server/load-shelf.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = (event) =>
  loadShelf(event, { categorySlug: event.params.category })
