import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { gzipEncoder } from './gzip-encoder.ts'

const text = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `Name ${id}` })))

async function encode(value: string): Promise<string> {
  const encoded = await gzipEncoder({ minBytes: 0 }).encode(value, 'k')
  if (encoded === null) throw new Error('it did not get smaller')
  return encoded
}

test('gives back any text that it made smaller', async () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 60 }).map((part) => part.repeat(40))
  await fc.assert(
    fc.asyncProperty(anyText, async (value) => {
      const encoder = gzipEncoder({ minBytes: 0 })
      const encoded = await encoder.encode(value, 'k')
      if (encoded === null) return
      expect(encoded.length).toBeLessThan(new TextEncoder().encode(value).length)
      expect(encoded).toMatch(/^[A-Za-z\d+/]+=*$/)
      expect(await encoder.decode(encoded, 'k')).toBe(value)
    }),
    { seed: 5, numRuns: 100 },
  )
})

test.for<[string, string]>([
  ['a large value', JSON.stringify('x\u00e9\u{1f600}'.repeat(500_000))],
  ['a text with a byte order mark', `\ufeff${'a'.repeat(2000)}`],
])('gives back %s', async ([, value]) => {
  expect(await gzipEncoder().decode(await encode(value), 'k')).toBe(value)
})

test('makes repetitive JSON less than a quarter of its size', async () => {
  expect((await encode(text)).length).toBeLessThan(text.length / 4)
})

test('leaves a text under the least bytes as it is, and counts bytes, not characters', async () => {
  const encoder = gzipEncoder({ minBytes: 1000 })
  expect(await encoder.encode('a'.repeat(999), 'k')).toBeNull()
  expect(await encoder.encode('a'.repeat(1000), 'k')).not.toBeNull()
  expect(await encoder.encode('\u00e9'.repeat(499), 'k')).toBeNull()
  expect(await encoder.encode('\u00e9'.repeat(500), 'k')).not.toBeNull()
  expect(await gzipEncoder().encode('a'.repeat(1023), 'k')).toBeNull()
  expect(await gzipEncoder().encode('a'.repeat(1024), 'k')).not.toBeNull()
})

test('leaves a text as it is that would not get smaller', async () => {
  const incompressible = String.fromCharCode(
    ...crypto.getRandomValues(new Uint8Array(3000)).map((byte) => 33 + (byte % 94)),
  )
  expect(await gzipEncoder().encode(incompressible, 'k')).toBeNull()
})

describe('damaged text', () => {
  test.for([
    ['no base64', () => '{"id":1}'],
    ['no gzip', () => btoa('x'.repeat(300))],
    ['nothing at all', () => ''],
    ['the first half only', (good: string) => good.slice(0, Math.floor(good.length / 8) * 4)],
    ['everything but its end', (good: string) => good.slice(0, -8)],
    ['one bit turned over', (good: string) => flip(good, Math.floor(good.length / 2))],
    ['more after its end', (good: string) => btoa(`${atob(good)}more`)],
    ['what is not UTF-8', () => notUtf8],
  ] as const)('rejects when there is %s', async ([, damage]) => {
    await expect(gzipEncoder().decode(damage(await encode(text)), 'k')).rejects.toThrow()
  })
})

function flip(base64: string, index: number): string {
  const binary = atob(base64)
  const at = Math.floor((index * 3) / 4)
  const flipped = String.fromCharCode(binary.charCodeAt(at) ^ 1)
  return btoa(binary.slice(0, at) + flipped + binary.slice(at + 1))
}

/** The bytes FF FE, packed by Python's gzip with no time in its header. */
const notUtf8 = 'H4sIAAAAAAACA/v/DwCWMPiIAgAAAA=='

describe('a value that unpacks to too much', () => {
  test('is refused just over the limit and read at it', async () => {
    const packed = await encode('a'.repeat(5000))
    const at = gzipEncoder({ maxDecodedBytes: 5000 })
    const under = gzipEncoder({ maxDecodedBytes: 4999 })
    expect(await at.decode(packed, 'k')).toHaveLength(5000)
    await expect(under.decode(packed, 'k')).rejects.toThrow(
      new RangeError('Cannot decode gzip: the value must be at most 4999 bytes, received more'),
    )
    expect(await under.encode('a'.repeat(5000), 'k')).toBeNull()
  })

  test('is given up on long before the whole of it is unpacked', async () => {
    const megabytes = 128
    const zeros = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < megabytes; i++) controller.enqueue(new Uint8Array(1_048_576))
        controller.close()
      },
    })
    const packed = await new Response(zeros.pipeThrough(new CompressionStream('gzip'))).bytes()
    const bomb = toBase64(packed)
    const unpackedPieces = vi.spyOn(Uint8Array, 'from')
    const decoded = gzipEncoder({ maxDecodedBytes: 1_000_000 }).decode(bomb, 'k')
    await expect(decoded).rejects.toThrow(RangeError)
    expect(packed.length / 16_384).toBeGreaterThan(7)
    expect(unpackedPieces.mock.calls.length).toBeLessThan(4)
    unpackedPieces.mockRestore()
  })
})

test.for([-1, NaN])('refuses %d bytes for an option', (bytes) => {
  expect(() => gzipEncoder({ minBytes: bytes })).toThrow(
    new RangeError(`Cannot create gzip encoder: minBytes must be at least 0, received ${bytes}`),
  )
  expect(() => gzipEncoder({ maxDecodedBytes: bytes })).toThrow(RangeError)
})

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}
