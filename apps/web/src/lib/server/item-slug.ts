/** The slug of an item that a person named by its slug, its path or its whole address. `null`: it is none of these. */
export function readItemSlug(text: string): string | null {
  const match = /^(?:(?:https?:\/\/[^/]+)?\/item\/)?([a-z0-9-]{1,100})\/?(?:[?#].*)?$/.exec(
    text.trim(),
  )
  return match?.[1] ?? null
}
