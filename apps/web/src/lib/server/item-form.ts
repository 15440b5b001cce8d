import type { ContentDraftInput, InputIssue } from '@codex/core-services'
import { parsePriceCents } from '../format-price.ts'
import { textField } from './read-form.ts'

/** An item's form as it was typed, to show it again. */
export interface ItemFormValues {
  readonly title: string
  readonly summary: string
  readonly body: string
  readonly categoryId: string
  readonly price: string
  readonly mediaItemId: string
}

export type ItemFormErrors = Readonly<Partial<Record<keyof ItemFormValues, string>>>

export function readItemForm(form: FormData): ItemFormValues {
  return {
    title: textField(form, 'title'),
    summary: textField(form, 'summary'),
    // Browsers send line breaks as CRLF.
    body: textField(form, 'body').replaceAll('\r\n', '\n'),
    categoryId: textField(form, 'categoryId'),
    price: textField(form, 'price'),
    mediaItemId: textField(form, 'mediaItemId'),
  }
}

/** What the content service takes, or what is wrong with the one field it never sees: the price as text. */
export function toContentInput(
  values: ItemFormValues,
):
  | { readonly ok: true; readonly input: ContentDraftInput }
  | { readonly ok: false; readonly errors: ItemFormErrors } {
  const priceCents = parsePriceCents(values.price)
  if (priceCents === null) {
    return { ok: false, errors: { price: 'Write a price such as 12 or 12.50, or 0 for free' } }
  }
  const { title, summary, body, categoryId, mediaItemId } = values
  return {
    ok: true,
    input: { title, summary, body, categoryId, priceCents, mediaItemId: mediaItemId || null },
  }
}

/** The first problem of each field, under the name the field has in the form. */
export function toFieldErrors(issues: readonly InputIssue[]): ItemFormErrors {
  const errors: Record<string, string> = {}
  for (const { path, message } of issues) {
    errors[path === 'priceCents' ? 'price' : path || 'title'] ??= message
  }
  return errors
}
