import { describe, expect, it } from 'vitest'
import { attachmentDisposition, sanitizeFilename } from './filename.ts'

describe('sanitizeFilename', () => {
  it.each([
    ['photo.png', 'photo.png'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\Ada\\clip.mp4', 'clip.mp4'],
    ['  .hidden. ', 'hidden'],
    ['a\u0000b\r\nc.txt', 'abc.txt'],
    ['annual\u202Egpj.exe', 'annualgpj.exe'],
    ['what? "really" <now>.pdf', 'what_ _really_ _now_.pdf'],
    ['many   spaces.md', 'many spaces.md'],
    ['Cafe\u0301.jpg', 'Caf\u00E9.jpg'],
    ['..', 'upload'],
    ['', 'upload'],
    ['dir/', 'upload'],
  ])('turns %j into %j', (given, expected) => {
    expect(sanitizeFilename(given)).toBe(expected)
  })

  it.each(['x'.repeat(500), '\u{1F3B5}'.repeat(200), '\u00E9'.repeat(300)])(
    'cuts a long name to 180 bytes of UTF-8 and keeps its extension',
    (stem) => {
      const name = sanitizeFilename(`${stem}.mp3`)
      expect(name).toMatch(/\.mp3$/)
      const sizeBytes = new TextEncoder().encode(name).byteLength
      expect(sizeBytes).toBeLessThanOrEqual(180)
      expect(sizeBytes).toBeGreaterThan(170)
      expect(name.isWellFormed()).toBe(true)
    },
  )

  it('replaces a lone surrogate, which could not be stored as UTF-8', () => {
    expect(sanitizeFilename('a\uD800b.png')).toBe('a\uFFFDb.png')
  })
})

describe('attachmentDisposition', () => {
  it('offers the name in ASCII and in UTF-8', () => {
    expect(attachmentDisposition(`Ada's "B\u00FCcher" (1).pdf`)).toBe(
      `attachment; filename="Ada's _B_cher_ (1).pdf"; filename*=UTF-8''Ada%27s%20%22B%C3%BCcher%22%20%281%29.pdf`,
    )
  })
})
