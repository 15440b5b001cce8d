import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SessionTokens, toKeyId, toUserRef } from './session-token.ts'
import { toBase64Url } from '../shared/base64-url.ts'

const older = 'the-older-secret-of-32-characters'
const newer = 'the-newer-secret-of-32-characters'

function createTokens(secrets: readonly string[], memoryEntries = 100): SessionTokens {
  const random = (bytes: Uint8Array): Uint8Array => crypto.getRandomValues(bytes)
  return new SessionTokens({ secrets, random, memoryEntries })
}

test('a token says where its authority is and holds nothing of the user', () => {
  const tokens = createTokens([newer])
  const { token, userRef, tokenHash } = tokens.mint(toUserRef('ada@example.com'))
  expect(token).toMatch(/^v1\.[\w-]{8}\.[\w-]{22}\.[\w-]{43}\.[\w-]{43}$/)
  expect(token.length).toBeLessThan(200)
  expect(userRef).toBe(toUserRef('ada@example.com'))
  expect(tokens.read(token)).toEqual({ userRef, tokenHash })
  expect(token).not.toContain(tokenHash)
  expect(tokens.mint(userRef).tokenHash).not.toBe(tokenHash)
})

test('the signature is HMAC-SHA-256 as Web Crypto has it', async () => {
  const { token } = createTokens([newer]).mint(toUserRef('u'))
  const end = token.lastIndexOf('.')
  const encoder = new TextEncoder()
  const raw = await crypto.subtle.digest('SHA-256', encoder.encode(`codex-session-token:${newer}`))
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', raw, algorithm, false, ['sign'])
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(token.slice(0, end)))
  expect(token.slice(end + 1)).toBe(toBase64Url(new Uint8Array(mac)))
})

test.for([100, 0])('no changed character passes, with a memory of %i', (memoryEntries) => {
  const tokens = createTokens([newer], memoryEntries)
  const { token } = tokens.mint(toUserRef('u'))
  tokens.read(token)
  fc.assert(
    fc.property(
      fc.nat(token.length - 1),
      fc.constantFrom('A', 'a', 'z', '0', '9', '-', '_', '.'),
      (at, character) => {
        if (token[at] === character) return
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        expect(tokens.read(changed)).toBeTypeOf('string')
      },
    ),
    { seed: 1, numRuns: 500 },
  )
})

test.for([
  ['', 'malformed'],
  ['v1', 'malformed'],
  ['v2.aaaaaaaa', 'malformed'],
  ['x'.repeat(100_000), 'malformed'],
])('%.10s is malformed', ([token = '', reason]) => {
  expect(createTokens([newer]).read(token)).toBe(reason)
})

test('a cut token is malformed, and one of another secret is forged', () => {
  const { token } = createTokens([newer]).mint(toUserRef('u'))
  expect(createTokens([newer]).read(token.slice(0, -1))).toBe('malformed')
  expect(createTokens([newer]).read(`${token} `)).toBe('malformed')
  expect(createTokens([older]).read(token)).toBe('forged')
})

test('a secret put first signs, and tokens of the older one are good until it is dropped', () => {
  const before = createTokens([older]).mint(toUserRef('u'))
  const rotating = createTokens([newer, older])
  const after = rotating.mint(toUserRef('u'))
  expect(after.token).toContain(`v1.${toKeyId(newer)}.`)
  expect(rotating.read(before.token)).toMatchObject({ tokenHash: before.tokenHash })
  expect(rotating.read(after.token)).toMatchObject({ tokenHash: after.tokenHash })
  expect(createTokens([newer]).read(before.token)).toBe('forged')
})

test('without secrets a cut token is found all the same, and with them its checksum is no signature', () => {
  const { token, tokenHash } = createTokens([]).mint(toUserRef('u'))
  expect(createTokens([]).read(token)).toMatchObject({ tokenHash })
  const other = token.endsWith('A') ? 'E' : 'A'
  expect(createTokens([]).read(token.slice(0, -1) + other)).toBe('forged')
  expect(createTokens([newer]).read(token)).toBe('forged')
})
