import type { PageServerLoad } from './$types'

const newestCount = 12

export const load: PageServerLoad = async ({ locals }) => {
  const { content } = locals.app
  const [featured, newest, categories] = await Promise.all([
    content.listFeatured(),
    content.listPublished({ pageSize: newestCount }),
    content.listCategories(),
  ])
  return { featured, newest: newest.ok ? newest.items : [], categories }
}
