import type { SampleCreatorHandle } from './sample-users.ts'

/** One piece of sample content, as its author would have typed it in. */
export interface SampleItem {
  readonly slug: string
  readonly title: string
  readonly summary: string
  readonly paragraphs: readonly string[]
  /** 0 is free. */
  readonly priceCents: number
  readonly creator: SampleCreatorHandle
  /** When it was published (a draft: created), counted back from the day of seeding. */
  readonly ageDays: number
  readonly featured?: boolean
  readonly draft?: boolean
}
