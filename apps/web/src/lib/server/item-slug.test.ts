import { expect, it } from 'vitest'
import { readItemSlug } from './item-slug.ts'

it.each([
  ['north-light', 'north-light'],
  [' north-light ', 'north-light'],
  ['/item/north-light', 'north-light'],
  ['https://codex.example/item/north-light', 'north-light'],
  ['http://localhost:8787/item/north-light/?added#inside', 'north-light'],
])('reads %j as the item %s', (text, slug) => {
  expect(readItemSlug(text)).toBe(slug)
})

it.each([
  '',
  '/',
  'North Light',
  '../north-light',
  '/creator/ada',
  'https://codex.example/browse/audio',
  'https://codex.example/item/',
  'a'.repeat(101),
])('reads %j as no item', (text) => {
  expect(readItemSlug(text)).toBeNull()
})
