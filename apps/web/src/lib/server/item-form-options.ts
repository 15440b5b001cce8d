import type { App } from './app.ts'

/** What an item's form offers to choose from. */
export interface ItemFormOptions {
  readonly categories: readonly { readonly id: string; readonly name: string }[]
  readonly uploads: readonly { readonly id: string; readonly label: string }[]
}

export async function loadItemFormOptions(
  { content, media }: Pick<App, 'content' | 'media'>,
  creatorId: string,
): Promise<ItemFormOptions> {
  const [categories, uploads] = await Promise.all([
    content.listCategories(),
    media.listByCreator(creatorId),
  ])
  return {
    categories: categories.map(({ id, name }) => ({ id, name })),
    uploads: uploads.map(({ id, filename, status }) => ({
      id,
      label: status === 'ready' ? filename : `${filename} (${status})`,
    })),
  }
}
