import { expect, it } from 'vitest'
import { normalizeDeclaredType } from './declared-type.ts'

it.each([
  ['image/png', 'image/png'],
  ['Text/Plain; charset=UTF-8', 'text/plain'],
  [' video/mp4 ', 'video/mp4'],
  ['', 'application/octet-stream'],
  ['nonsense', 'application/octet-stream'],
  ['text/html\r\nx: y', 'application/octet-stream'],
  [`a/${'b'.repeat(98)}`, `a/${'b'.repeat(98)}`],
  [`a/${'b'.repeat(99)}`, 'application/octet-stream'],
])('reads the declared type %j as %j', (given, expected) => {
  expect(normalizeDeclaredType(given)).toBe(expected)
})
