import { courses } from './courses.ts'
import { designTemplates } from './design-templates.ts'
import { filmAssets } from './film-assets.ts'
import { photoPresets } from './photo-presets.ts'
import type { SampleItem } from './sample-item.ts'
import { samplePacks } from './sample-packs.ts'
import { writing } from './writing.ts'

/** In the order in which they are shown. */
export const sampleCategories: readonly {
  readonly slug: string
  readonly name: string
  readonly description: string
  readonly items: readonly SampleItem[]
}[] = [
  {
    slug: 'courses',
    name: 'Courses',
    description: 'Learn by making one real thing from start to finish.',
    items: courses,
  },
  {
    slug: 'sample-packs',
    name: 'Sample packs',
    description: 'Drums, rooms, textures and instruments, cleared for your releases.',
    items: samplePacks,
  },
  {
    slug: 'photo-presets',
    name: 'Photo presets',
    description: 'Colour that holds up across a whole shoot, not only on the cover picture.',
    items: photoPresets,
  },
  {
    slug: 'writing',
    name: 'Essays and zines',
    description: 'Short, opinionated reading, to keep on a shelf or a phone.',
    items: writing,
  },
  {
    slug: 'design-templates',
    name: 'Design templates',
    description: 'Layouts and systems to start from, with the source files.',
    items: designTemplates,
  },
  {
    slug: 'film-assets',
    name: 'Film and 3D assets',
    description: 'Overlays, scenes and models, ready for the timeline or the viewport.',
    items: filmAssets,
  },
]
