import { createHash, timingSafeEqual } from 'node:crypto'
import type { RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { tooManyRequests } from '@codex/cloudflare-clients/rate-limiter'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as v from 'valibot'
import { answerMessage } from './answer-message.ts'
import type { BotConfig, CacheSettings } from './bot-config.ts'
import type { LookUp } from './create-lookups.ts'
import type { Log } from './json-log.ts'

/** What `/readiness` says. */
export interface Readiness {
  readonly isReady: boolean
  readonly details: Readonly<Record<string, unknown>>
}

export interface AppParts {
  /** The configuration of the moment. `undefined`: none was ever loaded. */
  readonly getConfig: () => BotConfig | undefined
  /** Whether the process does what it should, so that it need not be started anew. */
  readonly isLive: () => boolean
  readonly getReadiness: () => Readiness
  readonly limiter: RateLimiterClient
  readonly lookUpFor: (settings: CacheSettings | undefined) => LookUp
  readonly log: Log
}

const messageSchema = v.object({
  user: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  text: v.pipe(v.string(), v.maxLength(4000)),
})

/**
 * What the bot answers over HTTP: `/liveness`, `/readiness` and `POST /messages`, each message by the configuration that is there when
 * it comes.
 */
export function createApp(parts: AppParts): Hono {
  const { getConfig, isLive, getReadiness, limiter, lookUpFor, log } = parts
  const app = new Hono()

  app.get('/liveness', (c) => c.json({ isLive: isLive() }, isLive() ? 200 : 503))

  app.get('/readiness', (c) => {
    const { isReady, details } = getReadiness()
    c.header('cache-control', 'no-store')
    return c.json({ isReady, ...details }, isReady ? 200 : 503)
  })

  const limitBody = bodyLimit({
    maxSize: 65_536,
    onError: (c) => c.json({ error: 'A message must be at most 64 KiB' }, 413),
  })
  app.post('/messages', limitBody, async (c) => {
    const config = getConfig()
    if (config === undefined) return c.json({ error: 'There is no configuration yet' }, 503)
    if (!isAuthorized(c.req.header('authorization'), config.token.reveal())) {
      c.header('www-authenticate', 'Bearer')
      return c.json({ error: 'The bearer token must be that of the configuration' }, 401)
    }
    const message = v.safeParse(messageSchema, await c.req.json().catch(() => undefined))
    if (!message.success) {
      return c.json({ error: 'A message must be {"user": "…", "text": "…"}' }, 400)
    }
    const answer = await answerMessage(message.output, {
      config,
      limiter,
      lookUp: lookUpFor(config.cache),
    })
    switch (answer.type) {
      case 'text':
        return c.json({ text: answer.text })
      case 'silence':
        return c.body(null, 204)
      case 'limited':
        return tooManyRequests(answer.outcome)
    }
  })

  app.onError((error, c) => {
    log('error', 'request_failed', { path: c.req.path, error: error.message })
    return c.json({ error: 'Something went wrong' }, 500)
  })

  return app
}

/** By digests, which have one length whatever came. */
function isAuthorized(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`))
}
