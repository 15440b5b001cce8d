const maxSlugLength = 80

/** What a slug in a URL may be. Anything else names nothing, so no store has to be asked. */
const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$/

export function isSlug(text: string): boolean {
  return slugPattern.test(text)
}

/**
 * Lower-case ASCII words joined by hyphens: `Ünder the Séa!` becomes `under-the-sea`.
 *
 * @returns `fallback` when nothing of the text can be written so, as with a title in Japanese.
 */
export function slugify(text: string, fallback: string): string {
  const slug = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxSlugLength)
    .replace(/^-+|-+$/g, '')
  return slug === '' ? fallback : slug
}
