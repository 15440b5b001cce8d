import { meterKV } from '@codex/cloudflare-clients'
import {
  createRequestSessions,
  type Session,
  type SessionAuthorityNamespace,
  type SessionFreshness,
  SessionStore,
  type SessionStoreOptions,
} from '@codex/cloudflare-clients/session'
import { createMemorySessionAuthority } from '@codex/cloudflare-clients/testing'
import { createDatabase, meterD1 } from '@codex/database'
import { env } from 'cloudflare:workers'
import {
  type Auth,
  type AuthEvent,
  type AuthOptions,
  type AuthSessions,
  createAuth,
  type SessionData,
  type SignInResult,
} from '../src/index.ts'
import { type Fault, faultyAuthority, faultyD1, faultyKV } from './faulty-bindings.ts'
import { OutboxMailer } from './outbox-mailer.ts'

export const origin = 'https://codex.example'
export const secret = 'a-secret-for-tests-of-40-characters-0001'
export const ada = {
  name: 'Ada Okafor',
  email: 'ada@codex.example',
  password: 'correct horse battery',
}

/** The real thing on real local bindings and an authority in memory, with meters and switches on them. */
export interface TestPlatform {
  readonly auth: Auth
  readonly store: SessionStore<SessionData>
  readonly outbox: OutboxMailer
  readonly events: AuthEvent[]
  readonly kvFault: Fault
  readonly d1Fault: Fault
  readonly authorityFault: Fault
  /** What `run` cost in D1 queries, KV operations and calls of an authority. */
  cost(run: () => Promise<unknown>): Promise<Cost>
  /** The sessions of a request of a browser: of one that changes something, or of a page view. */
  request(headers: Headers, method?: 'GET' | 'POST'): AuthSessions
  /** Who a request is of. Strict: what the authority says now. */
  getSession(
    headers: Headers,
    options?: { freshness?: SessionFreshness },
  ): Promise<Session<SessionData> | null>
  /** The token of the newest link that was mailed to an address. */
  mailedToken(to: string): string
  register(user?: typeof ada): Promise<string>
  /** Tries to sign in, in a new browser. */
  attempt(user: { email: string; password: string }): Promise<SignInResult>
  /** Signs in and returns the headers of the browser that did. */
  signIn(user?: { email: string; password: string; remember?: boolean }): Promise<Headers>
  /** Another isolate on the same stores. */
  otherIsolate(): TestPlatform
}

interface Cost {
  readonly queries: number
  readonly kv: Readonly<Record<string, number>>
  /** Names of the calls. */
  readonly authority: readonly string[]
}

export interface TestPlatformOptions extends Partial<Omit<AuthOptions, 'sessions'>> {
  /** `null`: none, KV decides alone. Default: one in memory. */
  readonly authority?: SessionAuthorityNamespace | null
  readonly store?: SessionStoreOptions
}

export const database = createDatabase(env.DB)

export function createTestPlatform(options: TestPlatformOptions = {}): TestPlatform {
  // better-auth reads `Date`, so tests move that; taken once, `Date.now` would stay the real one.
  const now = () => Date.now()
  const {
    authority = createMemorySessionAuthority({ now }),
    store: storeOptions,
    ...rest
  } = options
  const kvFault = { on: false }
  const d1Fault = { on: false }
  const authorityFault = { on: false }
  let queries = 0
  let kv: Record<string, number> = {}
  let calls: string[] = []
  const outbox = new OutboxMailer()
  const events: AuthEvent[] = []
  const namespace = meterKV(faultyKV(env.AUTH_SESSION_KV, kvFault), ({ type, keys }) => {
    kv[type] = (kv[type] ?? 0) + keys
  })
  const store = new SessionStore<SessionData>(namespace, {
    ...(authority !== null && {
      authority: faultyAuthority(authority, authorityFault, (call) => calls.push(call)),
    }),
    secrets: [secret],
    cookie: { name: 'codex_session' },
    now,
    onEvent: () => undefined,
    ...storeOptions,
  })
  const auth = createAuth({
    d1: meterD1(faultyD1(env.DB, d1Fault), (count) => {
      queries += count
    }),
    secret,
    origin,
    sessions: store,
    mailer: outbox,
    now,
    onEvent: (event) => events.push(event),
    ...rest,
  })

  const platform: TestPlatform = {
    auth,
    store,
    outbox,
    events,
    kvFault,
    d1Fault,
    authorityFault,
    async cost(run) {
      queries = 0
      kv = {}
      calls = []
      await run()
      return { queries, kv, authority: calls }
    },
    request: (headers, method = 'POST') =>
      createRequestSessions(
        store,
        { method, url: `${origin}/`, headers },
        // KV alone can be no stricter.
        { freshness: { unsafe: authority === null ? 'edge' : 'strict' } },
      ),
    getSession: (headers, { freshness = authority === null ? 'edge' : 'strict' } = {}) =>
      platform.request(headers, 'GET').get({ freshness }),
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
    attempt: (user) =>
      auth.signIn(user, { sessions: platform.request(new Headers()), headers: new Headers() }),
    async signIn(user = ada) {
      const headers = new Headers({ 'user-agent': 'Test' })
      const sessions = platform.request(new Headers())
      const result = await auth.signIn(user, { sessions, headers })
      if (!result.ok) throw new Error(`Could not sign in: ${result.reason}`)
      return browser(sessions.setCookies)
    },
    otherIsolate: () => createTestPlatform({ ...options, authority }),
  }
  return platform
}

/** The request headers of a browser that got these cookies. */
export function browser(setCookies: readonly string[]): Headers {
  return new Headers({ cookie: setCookies.map((each) => each.split(';')[0]).join('; ') })
}

/** The bearer token of a browser. */
export function tokenOf(headers: Headers): string {
  return /__Host-codex_session=([^;]+)/.exec(headers.get('cookie') ?? '')?.[1] ?? ''
}
