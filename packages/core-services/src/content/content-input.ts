import * as v from 'valibot'
import { objectMessage } from '../validation/object-message.ts'

/** The one currency that the platform sells in. */
export const platformCurrency = 'usd'

const maxPriceCents = 1_000_000
/** @see https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
const minChargeCents = 50

const entries = {
  title: v.pipe(
    v.string('Write a title'),
    v.trim(),
    v.minLength(1, 'Write a title'),
    v.maxLength(120, 'Keep the title within 120 characters'),
  ),
  summary: v.pipe(
    v.string('Write the summary as text'),
    v.trim(),
    v.maxLength(300, 'Keep the summary within 300 characters'),
  ),
  body: v.pipe(
    v.string('Write the body as text'),
    v.maxLength(50_000, 'Keep the body within 50,000 characters'),
  ),
  categoryId: v.pipe(v.string('Choose a category'), v.minLength(1, 'Choose a category')),
  priceCents: v.pipe(
    v.number('Set a price in cents'),
    v.integer('Set the price in whole cents'),
    v.minValue(0, 'A price cannot be negative'),
    v.maxValue(maxPriceCents, 'A price can be at most 10,000.00'),
    v.check(
      (cents) => cents <= 0 || cents >= minChargeCents,
      'A price is at least 0.50, or 0 for free: no less can be paid by card',
    ),
  ),
  mediaItemId: v.nullable(v.pipe(v.string('Choose an upload'), v.minLength(1, 'Choose an upload'))),
}

export const contentDraftSchema = v.strictObject(
  {
    title: entries.title,
    summary: v.optional(entries.summary, ''),
    body: v.optional(entries.body, ''),
    categoryId: entries.categoryId,
    priceCents: entries.priceCents,
    mediaItemId: v.optional(entries.mediaItemId, null),
  },
  objectMessage,
)
export type ContentDraftInput = v.InferInput<typeof contentDraftSchema>

export const contentPatchSchema = v.partial(v.strictObject(entries, objectMessage))
/** Only the fields that change. The slug is not among them: an item keeps its address. */
export type ContentPatchInput = v.InferInput<typeof contentPatchSchema>
