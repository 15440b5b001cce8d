const numberedCandidates = 4
const randomCandidates = 4

function* candidates(base: string): Generator<string> {
  yield base
  for (let number = 2; number <= numberedCandidates; number++) yield `${base}-${number}`
  // Readable suffixes are used up, or others are taking them at this moment: leave the crowd.
  for (let count = 0; count < randomCandidates; count++) {
    yield `${base}-${crypto.randomUUID().slice(0, 8)}`
  }
}

/**
 * Inserts under the first free slug: `base`, then `base-2` and so on. Whether one is free is decided by the unique index
 * at the insert, never by looking first, so that two inserts at the same moment get different slugs.
 *
 * @param insert Inserts with `on conflict do nothing`; `undefined` means that the slug is taken.
 */
export async function insertWithSlug<T>(
  base: string,
  insert: (slug: string) => Promise<T | undefined>,
): Promise<T> {
  for (const slug of candidates(base)) {
    const inserted = await insert(slug)
    if (inserted !== undefined) return inserted
  }
  throw new Error(`Cannot find a free slug for "${base}": all random suffixes are taken`)
}
