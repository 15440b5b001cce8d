import { memoryBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { Secret } from '@codex/config'
import { describe, expect, it } from 'vitest'
import { answerMessage, type BotAnswer, type BotParts } from './answer-message.ts'
import type { BotConfig } from './bot-config.ts'

const config: BotConfig = {
  name: 'Codex bot',
  token: new Secret('a-token-of-16-chars'),
  prefix: '!',
  limit: { answers: 3, windowSeconds: 60 },
  commands: {
    hello: { answer: 'Hello, {user}!' },
    echo: { answer: '{text}' },
    weather: { answer: 'In {text}: {result}', lookup: 'https://weather.example/{text}' },
  },
}

function createParts(changes: Partial<BotParts> = {}): BotParts {
  return {
    config,
    limiter: new RateLimiterClient(memoryBackend({ now: () => 0 })),
    lookUp: ({ text }) => Promise.resolve(text === 'Atlantis' ? null : '12 °C'),
    ...changes,
  }
}

function answer(text: string, parts = createParts()): Promise<BotAnswer> {
  return answerMessage({ user: 'Ada', text }, parts)
}

describe('a command', () => {
  it.each([
    ['!hello', 'Hello, Ada!'],
    ['!hello  there', 'Hello, Ada!'],
    ['!echo  one\n two ', 'one\n two'],
    ['!echo {user} {result} $& $1', '{user} {result} $& $1'],
    ['!weather Delft', 'In Delft: 12 °C'],
    ['!weather Atlantis', 'I found nothing for “Atlantis”'],
    ['!toString', 'I am Codex bot and know !hello, !echo, !weather'],
    ['!', 'I am Codex bot and know !hello, !echo, !weather'],
  ])('%j is answered with %j', async (text, expected) => {
    expect(await answer(text)).toEqual({ type: 'text', text: expected })
  })

  it('says so where it cannot look something up', async () => {
    const parts = createParts({ lookUp: () => Promise.reject(new Error('no route')) })
    expect(await answer('!weather Delft', parts)).toEqual({
      type: 'text',
      text: 'I cannot look that up at the moment',
    })
  })
})

it('is silent about what is not for it, which counts towards no limit', async () => {
  const parts = createParts()
  for (let n = 0; n < 5; n++) expect(await answer('hello', parts)).toEqual({ type: 'silence' })
  expect(await answer('!hello', parts)).toMatchObject({ type: 'text' })
})

it('answers a user so often and no more, and others still', async () => {
  const parts = createParts()
  for (let n = 0; n < 3; n++) expect(await answer('!hello', parts)).toMatchObject({ type: 'text' })
  expect(await answer('!hello', parts)).toMatchObject({
    type: 'limited',
    outcome: { result: { allowed: false, retryAfterMs: 60_000 } },
  })
  expect(await answerMessage({ user: 'Grace', text: '!hello' }, parts)).toMatchObject({
    type: 'text',
  })
})
