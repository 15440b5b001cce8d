import { expect, it } from 'vitest'
import { readImageDimensions } from '../src/image-dimensions.ts'
import * as sample from './fixtures/sample-files.ts'

it('reads the dimensions of every image type', async () => {
  const size = { widthPx: 300, heightPx: 20 }
  expect(readImageDimensions(await sample.png(300, 20))).toEqual(size)
  expect(readImageDimensions(sample.jpeg(300, 20))).toEqual(size)
  expect(readImageDimensions(sample.gif(300, 20))).toEqual(size)
  expect(readImageDimensions(sample.webp(300, 20))).toEqual(size)
})

it.each([
  [1, { widthPx: 300, heightPx: 20 }],
  [3, { widthPx: 300, heightPx: 20 }],
  [6, { widthPx: 20, heightPx: 300 }],
  [8, { widthPx: 20, heightPx: 300 }],
])('turns a photograph with EXIF orientation %i as it is shown', (orientation, expected) => {
  expect(readImageDimensions(sample.jpeg(300, 20, { orientation }))).toEqual(expected)
})

it('reads past padding before the frame, and says null when it is cut off there', () => {
  const bytes = sample.jpeg(300, 20, { paddingBytes: 200_000 })
  expect(readImageDimensions(bytes)).toEqual({ widthPx: 300, heightPx: 20 })
  expect(readImageDimensions(bytes.slice(0, 100_000))).toBeNull()
})

it('says null to a width of 0 and to what is no image', async () => {
  expect(readImageDimensions(await sample.png(0, 5))).toBeNull()
  expect(readImageDimensions(new Uint8Array())).toBeNull()
  expect(readImageDimensions(sample.utf8('text'))).toBeNull()
})
