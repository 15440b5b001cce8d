import { expect, it } from 'vitest'
import { TextDetector } from './text-detector.ts'

function detect(...chunks: (string | number[])[]): boolean {
  const detector = new TextDetector()
  for (const chunk of chunks) {
    detector.write(
      typeof chunk === 'string' ? new TextEncoder().encode(chunk) : Uint8Array.from(chunk),
    )
  }
  return detector.isText()
}

it('takes UTF-8 with line ends, tabs and a byte order mark for text', () => {
  expect(detect('# Gr\u00FC\u00DFe\r\n\tund mehr \u{1F3B5}\f')).toBe(true)
  expect(detect([0xef, 0xbb, 0xbf], 'text')).toBe(true)
})

it('takes a character that two chunks share for text', () => {
  expect(detect([0xf0, 0x9f], [0x8e, 0xb5])).toBe(true)
})

it.each([
  ['a NUL', [0x61, 0x00]],
  ['an escape', [0x1b, 0x5b]],
  ['a delete', [0x7f]],
  ['Latin-1', [0x61, 0xe9, 0x61]],
  ['a character that is cut off at the end', [0x61, 0xf0, 0x9f]],
  ['an overlong encoding', [0xc0, 0xaf]],
  ['UTF-16', [0xff, 0xfe, 0x61, 0x00]],
])('does not take %s for text', (_, bytes) => {
  expect(detect('text', bytes)).toBe(false)
})

it('stays with its verdict whatever follows', () => {
  expect(detect([0], 'text', 'text')).toBe(false)
})
