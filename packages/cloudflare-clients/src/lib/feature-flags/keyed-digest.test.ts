import { expect, test } from 'vitest'
import { createKeyedDigest } from './keyed-digest.ts'

const encoder = new TextEncoder()

async function webCrypto(secret: string, text: string): Promise<Uint8Array> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, [
    'sign',
  ])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
}

test('is the HMAC-SHA-256 of Web Crypto, for keys and texts around the size of a block', async () => {
  const secrets = [1, 32, 63, 64, 65, 200].map((length) => 'k'.repeat(length))
  for (const secret of [...secrets, 'é'.repeat(32)]) {
    const digest = createKeyedDigest(secret)
    for (const textLength of [0, 1, 55, 56, 64, 300]) {
      const text = 'ü-日本'.repeat(textLength).slice(0, textLength)
      expect(digest(text), `${secret.length}/${textLength}`).toEqual(await webCrypto(secret, text))
    }
  }
})
