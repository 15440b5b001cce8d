import { describe, expect, it } from 'vitest'
import { judgeMediaType } from '../src/media-type.ts'
import * as sample from './fixtures/sample-files.ts'

const undeclaredType = 'application/octet-stream'

const samples: readonly (readonly [
  name: string,
  bytes: () => Uint8Array | Promise<Uint8Array>,
  type: string,
])[] = [
  ['PNG', () => sample.png(3, 2), 'image/png'],
  ['JPEG', () => sample.jpeg(3, 2), 'image/jpeg'],
  ['GIF', () => sample.gif(3, 2), 'image/gif'],
  ['WebP', () => sample.webp(3, 2), 'image/webp'],
  ['PDF', () => sample.pdf(), 'application/pdf'],
  ['ZIP', () => sample.zip(), 'application/zip'],
  ['MP3', () => sample.mp3(), 'audio/mpeg'],
  ['WAV', () => sample.wav(), 'audio/wav'],
  ['Ogg', () => sample.ogg(), 'audio/ogg'],
  ['MP4', () => sample.mp4(), 'video/mp4'],
  ['QuickTime', () => sample.mp4('qt  '), 'video/quicktime'],
  ['M4A', () => sample.mp4('M4A '), 'audio/mp4'],
  ['WebM', () => sample.ebml(), 'video/webm'],
]

describe('judgeMediaType', () => {
  it.each(samples)('recognises %s', async (_, bytes, type) => {
    const prefix = await bytes()
    for (const declaredType of [undeclaredType, type]) {
      expect(await judgeMediaType({ prefix, isText: false, declaredType })).toEqual({
        ok: true,
        type,
      })
    }
  })

  it.each([
    ['image/jpg', () => sample.jpeg(1, 1), 'image/jpeg'],
    ['audio/mp3', () => sample.mp3(), 'audio/mpeg'],
    ['audio/x-wav', () => sample.wav(), 'audio/wav'],
    ['application/x-zip-compressed', () => sample.zip(), 'application/zip'],
    ['audio/webm', () => sample.ebml(), 'video/webm'],
    ['video/mp4', () => sample.mp4('qt  '), 'video/quicktime'],
    ['video/quicktime', () => sample.mp4('isom'), 'video/mp4'],
    ['application/ogg', () => sample.ogg(), 'audio/ogg'],
  ] as const)('takes %s for an honest name', async (declaredType, bytes, type) => {
    const verdict = await judgeMediaType({ prefix: bytes(), isText: false, declaredType })
    expect(verdict).toEqual({ ok: true, type })
  })

  it.each([
    ['text/plain', 'text/plain'],
    ['text/markdown', 'text/markdown'],
    ['text/x-markdown', 'text/markdown'],
    [undeclaredType, 'text/plain'],
  ])('takes text that was declared as %s for %s', async (declaredType, type) => {
    const prefix = sample.utf8('# Title\n\nBM and other words')
    expect(await judgeMediaType({ prefix, isText: true, declaredType })).toEqual({ ok: true, type })
  })

  it('takes text that begins like a bitmap for text', async () => {
    const prefix = sample.utf8('BMW and other cars, in a text of some length.')
    const verdict = await judgeMediaType({ prefix, isText: true, declaredType: 'text/plain' })
    expect(verdict).toEqual({ ok: true, type: 'text/plain' })
  })

  it('refuses a file that is something else than declared', async () => {
    const prefix = await sample.png(1, 1)
    expect(await judgeMediaType({ prefix, isText: false, declaredType: 'video/mp4' })).toEqual({
      ok: false,
      reason: 'The file was declared as video/mp4, but its content is image/png.',
    })
    const script = sample.utf8('<script>alert(1)</script>')
    expect(
      await judgeMediaType({ prefix: script, isText: true, declaredType: 'image/png' }),
    ).toMatchObject({ ok: false })
  })

  it.each([
    ['image/svg+xml', () => sample.utf8('<svg xmlns="http://www.w3.org/2000/svg"/>'), true],
    ['text/html', () => sample.utf8('<!doctype html><script>1</script>'), true],
    ['application/x-msdownload', () => sample.utf8('MZ\u0090'), false],
    [undeclaredType, () => sample.ebml('matroska'), false],
    [undeclaredType, () => sample.zip('META-INF/MANIFEST.MF'), false],
    [undeclaredType, () => Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), false],
    ['image/png', () => Uint8Array.from([0x89]), false],
  ] as const)(
    'refuses what is not supported, declared as %s',
    async (declaredType, bytes, isText) => {
      const verdict = await judgeMediaType({ prefix: bytes(), isText, declaredType })
      expect(verdict).toMatchObject({ ok: false })
      if (!verdict.ok) expect(verdict.reason).toMatch(/not supported\. You can upload PNG/)
    },
  )

  it('comes to a verdict on every cut of every sample', async () => {
    for (const [, bytes] of samples) {
      const whole = await bytes()
      for (let length = 0; length < whole.byteLength; length += 3) {
        const prefix = whole.slice(0, length)
        const verdict = await judgeMediaType({
          prefix,
          isText: false,
          declaredType: undeclaredType,
        })
        expect(typeof verdict.ok).toBe('boolean')
      }
    }
  })
})
