import { expect, it } from 'vitest'
import { looksLikeEmail } from './email-address.ts'

it.each(['ada@codex.example', 'a@b', `${'x'.repeat(248)}@b.com`])('takes %s', (text) => {
  expect(looksLikeEmail(text)).toBe(true)
})

it.each(['', 'ada', '@', 'ada@', '@codex.example', 'a b@c', 'a@b@c', `${'x'.repeat(249)}@b.com`])(
  'refuses "%s"',
  (text) => {
    expect(looksLikeEmail(text)).toBe(false)
  },
)
