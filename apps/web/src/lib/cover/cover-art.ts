import { bars, blocks, folds, orbits, petals, strata, threads, tiles } from './motifs.ts'
import type { CoverPath, Motif } from './motifs.ts'
import { paletteFamilies } from './palettes.ts'
import type { Palette } from './palettes.ts'
import { createRandom, hashText } from './random.ts'

/** What is drawn on a cover of 320 × 400. */
export interface CoverArt {
  readonly ground: string
  readonly paths: readonly CoverPath[]
}

interface CategoryLook {
  readonly palettes: readonly [Palette, ...Palette[]]
  readonly motifs: readonly [Motif, ...Motif[]]
}

const motifPairs: readonly (readonly [Motif, ...Motif[]])[] = [
  [orbits, petals],
  [strata, folds],
  [tiles, orbits],
  [bars, threads],
  [folds, tiles],
  [threads, strata],
  [blocks, tiles],
  [petals, bars],
]

/** Looks that were chosen by hand. Any other category gets one by its name. */
const chosenLooks: Readonly<Record<string, number>> = {
  courses: 0,
  'photo-presets': 1,
  'design-templates': 2,
  'sample-packs': 3,
  writing: 4,
  'film-assets': 6,
}

/** The palettes and motifs of a category: the same for all of its items. */
function lookOf(categorySlug: string): CategoryLook {
  const index = chosenLooks[categorySlug] ?? hashText(categorySlug) % paletteFamilies.length
  const palettes = paletteFamilies[index]
  const motifs = motifPairs[index]
  if (!palettes || !motifs) throw new RangeError(`No look has the index ${String(index)}`)
  return { palettes, motifs }
}

/**
 * Draws the cover of an item. The same slug and category always give the same drawing, so nothing is stored and the
 * server and the browser agree.
 */
export function createCoverArt(slug: string, categorySlug: string): CoverArt {
  const { palettes, motifs } = lookOf(categorySlug)
  const random = createRandom(`${categorySlug}/${slug}`)
  const palette = random.pick(palettes)
  const motif = random.pick(motifs)
  return { ground: palette.ground, paths: motif(random, palette) }
}
