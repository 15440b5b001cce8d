import { meterKV, SessionCacheClient } from '@codex/cloudflare-clients'
import { createDatabase, meterD1 } from '@codex/database'
import { env } from 'cloudflare:workers'
import { type Auth, type AuthEvent, type AuthOptions, createAuth } from '../src/index.ts'
import { type Fault, faultyD1, faultyKV } from './faulty-bindings.ts'
import { OutboxMailer } from './outbox-mailer.ts'

export const origin = 'https://codex.example'
export const secret = 'a-secret-for-tests-of-40-characters-0001'
export const ada = {
  name: 'Ada Okafor',
  email: 'ada@codex.example',
  password: 'correct horse battery',
}

/** The real thing on real local bindings, with meters and switches on them. */
export interface TestPlatform {
  readonly auth: Auth
  readonly outbox: OutboxMailer
  readonly events: AuthEvent[]
  readonly kvFault: Fault
  readonly d1Fault: Fault
  /** What `run` cost in D1 queries and KV operations. */
  cost(run: () => Promise<unknown>): Promise<{ queries: number; kv: Record<string, number> }>
  /** The token of the newest link that was mailed to an address. */
  mailedToken(to: string): string
  register(user?: typeof ada): Promise<string>
  /** Signs in and returns the headers of the browser that did. */
  signIn(user?: { email: string; password: string }): Promise<Headers>
}

export const database = createDatabase(env.DB)

export function createTestPlatform(overrides: Partial<AuthOptions> = {}): TestPlatform {
  const kvFault = { on: false }
  const d1Fault = { on: false }
  let queries = 0
  let kv: Record<string, number> = {}
  // better-auth reads `Date`, so tests move that; taken once, `Date.now` would stay the real one.
  const now = () => Date.now()
  const outbox = new OutboxMailer()
  const events: AuthEvent[] = []
  const namespace = meterKV(faultyKV(env.AUTH_SESSION_KV, kvFault), ({ type, keys }) => {
    kv[type] = (kv[type] ?? 0) + keys
  })
  const auth = createAuth({
    d1: meterD1(faultyD1(env.DB, d1Fault), (count) => {
      queries += count
    }),
    secret,
    origin,
    secureCookies: true,
    sessionCache: new SessionCacheClient(namespace, {
      maxTtlSeconds: 900,
      now,
      onEvent: () => undefined,
    }),
    mailer: outbox,
    now,
    onEvent: (event) => events.push(event),
    ...overrides,
  })

  const platform: TestPlatform = {
    auth,
    outbox,
    events,
    kvFault,
    d1Fault,
    async cost(run) {
      queries = 0
      kv = {}
      await run()
      return { queries, kv }
    },
    mailedToken(to) {
      const text = outbox.list({ to })[0]?.text ?? ''
      return decodeURIComponent(/token=(\S+)/.exec(text)?.[1] ?? '')
    },
    async register(user = ada) {
      await auth.signUp(user)
      await auth.verifyEmail(platform.mailedToken(user.email))
      const row = await database.query.users.findFirst({
        where: (users, { eq }) => eq(users.email, user.email),
      })
      if (row?.emailVerified !== true) throw new Error('The sample user was not verified')
      return row.id
    },
    async signIn(user = ada) {
      const result = await auth.signIn(user, new Headers({ 'user-agent': 'Test' }))
      if (!result.ok) throw new Error(`Could not sign in: ${result.reason}`)
      return browser(result.setCookies)
    },
  }
  return platform
}

/** The request headers of a browser that got these cookies. */
export function browser(setCookies: readonly string[]): Headers {
  return new Headers({ cookie: setCookies.map((each) => each.split(';')[0]).join('; ') })
}

export function cookieValue(headers: Headers): string {
  return decodeURIComponent((headers.get('cookie') ?? '').split('=').slice(1).join('='))
}

/** The bearer token inside a session cookie. */
export function tokenOf(headers: Headers): string {
  const value = cookieValue(headers)
  return value.slice(0, value.lastIndexOf('.'))
}
