import { describe, expect, it } from 'vitest'
import { readItemForm, toContentInput, toFieldErrors } from './item-form.ts'

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  return form
}

describe('readItemForm', () => {
  it('takes absent fields as empty and line breaks as the web writes them', () => {
    expect(readItemForm(formOf({ title: 'Tides', body: 'one\r\ntwo' }))).toEqual({
      title: 'Tides',
      summary: '',
      body: 'one\ntwo',
      categoryId: '',
      price: '',
      mediaItemId: '',
    })
  })
})

describe('toContentInput', () => {
  const values = readItemForm(formOf({ title: 'Tides', categoryId: 'c1', price: '12.50' }))

  it('reads the price and takes no upload as none', () => {
    expect(toContentInput(values)).toMatchObject({
      ok: true,
      input: { title: 'Tides', priceCents: 1250, mediaItemId: null },
    })
  })

  it('leaves it to the service to say which price is too high', () => {
    expect(toContentInput({ ...values, price: '25000' })).toMatchObject({
      ok: true,
      input: { priceCents: 2_500_000 },
    })
  })

  it('says how a price is written', () => {
    expect(toContentInput({ ...values, price: 'cheap' })).toMatchObject({
      ok: false,
      errors: { price: 'Write a price such as 12 or 12.50, or 0 for free' },
    })
  })
})

describe('toFieldErrors', () => {
  it('keeps the first problem of each field and puts a general one at the title', () => {
    expect(
      toFieldErrors([
        { path: 'priceCents', message: 'first' },
        { path: 'priceCents', message: 'second' },
        { path: '', message: 'general' },
      ]),
    ).toEqual({ price: 'first', title: 'general' })
  })
})
