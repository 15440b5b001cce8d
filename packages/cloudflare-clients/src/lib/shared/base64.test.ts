import { expect, test } from 'vitest'
import { toBase64 } from './base64.ts'

test.for([0, 1, 2, 3, 24_575, 24_576, 24_577, 24_578, 100_000])('%d bytes', (length) => {
  const bytes = Uint8Array.from({ length }, (_, index) => index * 7)
  const text = toBase64(bytes)
  expect(text).toHaveLength(Math.ceil(length / 3) * 4)
  expect(Uint8Array.from(atob(text), (character) => character.charCodeAt(0))).toEqual(bytes)
})

test('pads, and has no characters of addresses', () => {
  expect(toBase64(Uint8Array.of(251, 255))).toBe('+/8=')
})
