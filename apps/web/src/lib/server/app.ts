import { createAuth } from '@codex/auth'
import type { Auth, Mailer } from '@codex/auth'
import { CacheClient, circuitBreaker, KVStore } from '@codex/cloudflare-clients'
import { CacheCounters } from '@codex/cloudflare-clients/cache'
import {
  createAnalyticsService,
  createContentService,
  createCreatorService,
  createMediaService,
  createPurchaseService,
  createSettingsService,
  OperationMeter,
} from '@codex/core-services'
import type {
  AnalyticsService,
  ContentService,
  CreatorService,
  MediaService,
  PurchaseService,
  SettingsService,
} from '@codex/core-services'
import { createDatabase } from '@codex/database'
import type { Database } from '@codex/database'
import { assertOwnSecret } from './assert-own-secret.ts'
import { BackgroundWork } from './background-work.ts'
import { meterBindings } from './bindings.ts'
import type { Outages } from './bindings.ts'
import { CacheReads } from './cache-reads.ts'
import { createSessions } from './create-sessions.ts'
import type { Sessions } from './create-sessions.ts'
import { createConfigEndpoint } from './config/config-endpoint.ts'
import type { ConfigEndpoint } from './config/config-endpoint.ts'
import { createCheckout } from './checkout/create-checkout.ts'
import type { Checkout } from './checkout/checkout.ts'
import { createSiteFlags } from './flags/create-site-flags.ts'
import type { SiteFlags } from './flags/create-site-flags.ts'
import { createRateLimits } from './limits/create-rate-limits.ts'
import type { RateLimits } from './limits/rate-limits.ts'
import { DevOutbox } from './outbox/dev-outbox.ts'
import { createHttpMailer } from './outbox/http-mailer.ts'
import { createLoggingMailer } from './outbox/logging-mailer.ts'

/** Everything that is built once for an isolate and serves all of its requests. */
export interface App {
  readonly env: Env
  readonly development: boolean
  readonly meter: OperationMeter
  readonly background: BackgroundWork
  readonly cache: CacheClient
  /** What the reads of {@link cache} came to in this isolate. */
  readonly cacheCounters: CacheCounters
  /** Notes what each request reads from {@link cache}. */
  readonly cacheReads: CacheReads
  /** The same entries as names to list. What is written or deleted goes through {@link cache}. */
  readonly cacheStore: KVStore
  readonly limits: RateLimits
  readonly sessions: Sessions
  readonly flags: SiteFlags
  /** Answers publishers of configurations. `null` where nobody may publish. */
  readonly configEndpoint: ConfigEndpoint | null
  readonly database: Database
  readonly content: ContentService
  readonly creators: CreatorService
  readonly settings: SettingsService
  readonly purchases: PurchaseService
  readonly analytics: AnalyticsService
  readonly media: MediaService
  readonly checkout: Checkout
  /** Mails that were kept instead of sent. Only in development. */
  readonly outbox: DevOutbox | null
  /** Make KV, D1 and each part of the coordinator fail on purpose. Only in development. */
  readonly outages: Outages | null
  /** Where this site is: the configured origin, or in development the one that was asked for. */
  originOf(url: URL): string
  /** Auth for links that lead to `origin`. */
  authFor(origin: string): Auth
}

/** Builds everything from the bindings. */
function createApp(env: Env): App {
  const development = env.ENVIRONMENT === 'development'
  assertOwnSecret(env)
  const meter = new OperationMeter()
  const background = new BackgroundWork()
  const { waitUntil } = background
  const outages: Outages | null = development
    ? {
        kv: { on: false },
        d1: { on: false },
        limiter: { on: false },
        sessions: { on: false },
        flags: { on: false },
      }
    : null
  const bindings = meterBindings(env, { meter, outages })
  const { sessionKV, rateLimitKV, cacheKV, flagsKV, d1 } = bindings
  const { rateLimiter, sessionAuthority, flagAuthority, configAuthority } = bindings

  const database = createDatabase(d1)
  const cacheCounters = new CacheCounters()
  const cache = new CacheClient(circuitBreaker(cacheKV), { waitUntil, observer: cacheCounters })
  const sessions = createSessions({
    authority: sessionAuthority,
    kv: sessionKV,
    secret: env.AUTH_SECRET,
    secureCookies: !development,
    waitUntil,
  })
  const limits = createRateLimits({
    authority: rateLimiter,
    kv: rateLimitKV,
    bouncers: { exact: env.LIMIT_SIGN_IN, leased: env.LIMIT_API },
    waitUntil,
    secret: env.AUTH_SECRET,
  })
  const flags = createSiteFlags({
    kv: flagsKV,
    authority: flagAuthority,
    // In development nobody could read what is written there.
    exposures: development ? undefined : env.EXPOSURES,
    environment: env.ENVIRONMENT,
    secret: env.AUTH_SECRET,
    waitUntil,
  })
  const outbox = development ? new DevOutbox(env.MEDIA) : null
  const mailer: Mailer = createLoggingMailer(
    outbox ?? createHttpMailer({ url: env.MAIL_WEBHOOK_URL }),
  )

  const auths = new Map<string, Auth>()
  const cacheReads = new CacheReads()
  // Each defines its cached values here, once for the isolate.
  const services = { database, cache: cacheReads.observe(cache) }
  const creators = createCreatorService(services)
  return {
    env,
    development,
    meter,
    background,
    cache,
    cacheCounters,
    cacheReads,
    cacheStore: new KVStore(cacheKV, { prefix: 'cache' }),
    limits,
    sessions,
    flags,
    configEndpoint: createConfigEndpoint(configAuthority, env),
    database,
    content: createContentService(services),
    creators,
    settings: createSettingsService(services),
    purchases: createPurchaseService(services),
    analytics: createAnalyticsService(services),
    media: createMediaService({
      ...services,
      buckets: creators,
      bucket: env.MEDIA,
      queue: env.TRANSCODING_QUEUE,
    }),
    checkout: createCheckout(env),
    outbox,
    outages,
    originOf(url) {
      if (env.PUBLIC_ORIGIN) return new URL(env.PUBLIC_ORIGIN).origin
      if (development) return url.origin
      throw new Error('PUBLIC_ORIGIN must be set outside of development')
    },
    authFor(origin) {
      let auth = auths.get(origin)
      if (!auth) {
        auth = createAuth({
          d1,
          secret: env.AUTH_SECRET,
          origin,
          sessions: sessions.store,
          mailer,
          waitUntil,
        })
        auths.set(origin, auth)
      }
      return auth
    },
  }
}

/** Gives each isolate its one {@link App}. SvelteKit hands over `env` with each request, always the same object. */
export class AppRegistry {
  readonly #apps = new WeakMap<Env, App>()

  get(env: Env): App {
    let app = this.#apps.get(env)
    if (!app) {
      app = createApp(env)
      this.#apps.set(env, app)
    }
    return app
  }
}
