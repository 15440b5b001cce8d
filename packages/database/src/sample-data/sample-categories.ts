import { courses } from './courses.ts'
import { designTemplates } from './design-templates.ts'
import { filmAssets } from './film-assets.ts'
import { photoPresets } from './photo-presets.ts'
import type { SampleItem } from './sample-item.ts'
import { samplePacks } from './sample-packs.ts'
import { writing } from './writing.ts'

/** What is on the shelf of each category. The categories themselves come with the migrations. */
export const sampleCategories: readonly {
  readonly slug: string
  readonly items: readonly SampleItem[]
}[] = [
  {
    slug: 'courses',
    items: courses,
  },
  {
    slug: 'sample-packs',
    items: samplePacks,
  },
  {
    slug: 'photo-presets',
    items: photoPresets,
  },
  {
    slug: 'writing',
    items: writing,
  },
  {
    slug: 'design-templates',
    items: designTemplates,
  },
  {
    slug: 'film-assets',
    items: filmAssets,
  },
]
