import { expect, it } from 'vitest'
import { inspectBytes } from '../src/inspect-bytes.ts'
import { utf8 } from './fixtures/sample-files.ts'

function chunks(...parts: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const part = parts.shift()
      if (part === undefined) controller.close()
      else controller.enqueue(part)
    },
  })
}

it('digests, measures and keeps the beginning of a stream', async () => {
  const stream = chunks(utf8('a'), utf8('bc'), new Uint8Array(), utf8('def'))
  expect(await inspectBytes(stream, { maxPrefixBytes: 4 })).toEqual({
    // printf abcdef | sha256sum
    sha256: 'bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721',
    sizeBytes: 6,
    prefix: utf8('abcd'),
    isText: true,
  })
})

it('says what nothing is', async () => {
  expect(await inspectBytes(chunks(), { maxPrefixBytes: 4 })).toEqual({
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    sizeBytes: 0,
    prefix: new Uint8Array(),
    isText: true,
  })
})

it('looks for text to the very end', async () => {
  const stream = chunks(new Uint8Array(5000).fill(0x61), Uint8Array.from([0]))
  expect(await inspectBytes(stream, { maxPrefixBytes: 10 })).toMatchObject({
    isText: false,
    sizeBytes: 5001,
  })
})

it('rejects with what the stream broke off with', async () => {
  const broken = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(utf8('abc'))
    },
    pull() {
      throw new Error('get: internal error')
    },
  })
  await expect(inspectBytes(broken, { maxPrefixBytes: 4 })).rejects.toThrow('get: internal error')
})
