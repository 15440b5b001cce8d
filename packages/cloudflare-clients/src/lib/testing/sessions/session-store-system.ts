import type {
  ChangeOutcome,
  IsolatePlace,
  SessionIsolate,
  SessionSystem,
  SessionWorld,
  SignInOutcome,
  ViewFreshness,
  ViewOutcome,
} from './session-system.ts'
import { JsonRows } from './json-rows.ts'

/** What is used of a `SessionStore`. */
export interface SessionStoreCalls {
  create(
    userId: string,
    options: { readonly epoch?: number; readonly replaces?: string },
  ): Promise<string>
  getEpoch(userId: string): Promise<number>
  validate(
    token: string | null,
    options: {
      readonly freshness?: 'strict' | 'edge' | { readonly boundedSeconds: number }
      readonly onUnavailable?: 'closed' | { readonly openWithinSeconds: number }
      readonly cookieHeader?: string
    },
  ): Promise<StoreValidation>
  get(token: string | null): Promise<{ readonly id: string } | null>
  update(token: string, patch: { readonly data?: unknown }): Promise<object | null>
  refresh(token: string): Promise<object | null>
  rotate(token: string): Promise<string | null>
  destroy(token: string): Promise<boolean>
  destroyById(userId: string, sessionId: string): Promise<boolean>
  destroyAllForUser(userId: string, options?: { readonly exceptToken?: string }): Promise<number>
  ban(userId: string): Promise<number>
  unban(userId: string): Promise<void>
  destroyEveryone(): Promise<void>
  getCookieHeader(token: string): string
  getSealedCopyHeader(token: string): Promise<string | null>
  parseToken(cookieHeader: string): string | null
}

type StoreValidation = {
  readonly source: string
  readonly boundMs: number | null
} & (
  | { readonly ok: true; readonly session: { readonly userId: string } }
  | { readonly ok: false; readonly reason: string }
)

/** The options of a store that follow from a run. */
export interface SimulatedStoreOptions<Namespace> {
  readonly authority: Namespace
  readonly secrets: readonly string[]
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds: number
  readonly renewalFraction: number
  readonly graceSeconds: number
  readonly edgeSeconds: number
  readonly now: () => number
  readonly random: (bytes: Uint8Array) => Uint8Array
  readonly timers: SessionWorld['clock']
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly onEvent: (event: unknown) => void
  readonly onAudit: (event: unknown) => void
}

export interface SessionStoreSystemOptions<
  Namespace,
  UserRow,
  Row extends { readonly id: string },
> {
  readonly name: string
  /** Starts an authority by what is stored. */
  startAuthority(storage: JsonRows<UserRow, Row>, now: () => number): object
  createStore(kv: KVNamespace, options: SimulatedStoreOptions<Namespace>): SessionStoreCalls
  /** Whether the sealed copy is sent to browsers. Default `true`. */
  readonly hasSealedCopies?: boolean
  /** Told of each row that an authority writes. */
  onRowWritten?(): void
}

/** The browser has let its cookies go. */
class SignedOutError extends Error {
  readonly code = 'signed_out'
}

const secret = 'a secret of the simulation, long enough'
const unavailableCodes = [
  'unavailable',
  'overloaded',
  'no_answer',
  'banned',
  'epoch_moved',
  'signed_out',
]

/**
 * `SessionStore` as a system: with an authority for each name that can be restarted, behind the simulated way. It takes store and authority as
 * arguments, so that other versions of them can be compared.
 */
export function createSessionStoreSystem<
  Namespace extends { getByName(name: string): object },
  UserRow,
  Row extends { readonly id: string },
>(options: SessionStoreSystemOptions<Namespace, UserRow, Row>): SessionSystem {
  return {
    name: options.name,
    refusalsAreFinal: true,
    keepsGrace: true,
    isUnavailable: (error) =>
      unavailableCodes.includes(String((error as { readonly code?: unknown } | null)?.code)),
    open: (world) => {
      const { now } = world.clock
      const rows = new Map<string, JsonRows<UserRow, Row>>()
      const authorities = new Map<string, object>()
      const find = (name: string): object => {
        const known = authorities.get(name)
        if (known !== undefined) return known
        const storage = rows.get(name) ?? new JsonRows<UserRow, Row>(options.onRowWritten)
        rows.set(name, storage)
        const authority = options.startAuthority(storage, now)
        authorities.set(name, authority)
        return authority
      }
      return {
        openIsolate: (place) => {
          const authority = reach(find, { world, location: place.location }) as Namespace
          const store = options.createStore(place.kv, toStoreOptions(world, { place, authority }))
          return new StoreIsolate(store, { world, hasSealed: options.hasSealedCopies !== false })
        },
        restartAuthorities: () => {
          authorities.clear()
        },
      }
    },
  }
}

function toStoreOptions<Namespace>(
  world: SessionWorld,
  { place, authority }: { readonly place: IsolatePlace; readonly authority: Namespace },
): SimulatedStoreOptions<Namespace> {
  const { policy, clock } = world
  const random = world.random(place.name)
  return {
    authority,
    secrets: [secret],
    idleTimeoutSeconds: policy.idleSeconds,
    absoluteTimeoutSeconds: policy.absoluteSeconds,
    renewalFraction: policy.renewalFraction,
    graceSeconds: policy.graceSeconds,
    edgeSeconds: policy.edgeSeconds,
    now: clock.now,
    random: (bytes) => bytes.map(() => Math.floor(random() * 256)),
    timers: clock,
    waitUntil: world.waitUntil,
    onEvent: world.onEvent,
    onAudit: world.onEvent,
  }
}

/** The binding as a location has it: what is sent is copied, and whoever decides is asked when the request has come there. */
function reach(
  find: (name: string) => object,
  { world, location }: { readonly world: SessionWorld; readonly location: string },
): { getByName(name: string): object } {
  return {
    getByName: (name) =>
      new Proxy(
        {},
        {
          get:
            (_, method) =>
            (...args: unknown[]): Promise<unknown> => {
              const sent = structuredClone(args)
              return world.callAuthority(location, () => {
                const authority = find(name) as Record<
                  string | symbol,
                  (...all: unknown[]) => unknown
                >
                return authority[method]?.(...sent)
              })
            },
        },
      ),
  }
}

class StoreIsolate implements SessionIsolate {
  readonly #store: SessionStoreCalls
  readonly #world: SessionWorld
  readonly #hasSealed: boolean
  readonly #random: () => number

  constructor(
    store: SessionStoreCalls,
    { world, hasSealed }: { readonly world: SessionWorld; readonly hasSealed: boolean },
  ) {
    this.#store = store
    this.#world = world
    this.#hasSealed = hasSealed
    this.#random = world.random('sealed copies')
  }

  async signIn(
    userId: string,
    {
      cookies,
      checkPassword,
    }: { readonly cookies: string; readonly checkPassword: () => Promise<void> },
  ): Promise<SignInOutcome> {
    const epoch = await this.#store.getEpoch(userId)
    await checkPassword()
    const replaces = this.#store.parseToken(cookies)
    const token = await this.#store.create(userId, {
      epoch,
      ...(replaces !== null && { replaces }),
    })
    return {
      setCookies: await this.#cookiesOf(token),
      bearers: bearersOf(token),
      replaced: replaces !== null,
    }
  }

  async view(cookies: string, freshness: ViewFreshness): Promise<ViewOutcome> {
    const { boundedSeconds, openWithinSeconds } = this.#world.policy
    const token = this.#store.parseToken(cookies)
    const validation = await this.#store.validate(token, {
      freshness: freshness === 'bounded' ? { boundedSeconds } : freshness,
      ...(freshness !== 'strict' && {
        onUnavailable: openWithinSeconds === null ? 'closed' : { openWithinSeconds },
      }),
      cookieHeader: cookies,
    })
    const { ok, boundMs, source } = validation
    if (!ok)
      return { accepted: false, isFinal: true, reason: validation.reason, boundMs, setCookies: [] }
    const isSealedAgain = token !== null && this.#hasSealed && this.#random() < 0.2
    return {
      accepted: true,
      userId: validation.session.userId,
      boundMs,
      wasSeen: source === 'authority',
      setCookies: isSealedAgain ? await this.#sealedOf(token) : [],
    }
  }

  async change(cookies: string, work: () => Promise<void>): Promise<ChangeOutcome> {
    const token = this.#store.parseToken(cookies) ?? ''
    await this.#store.get(token)
    await work()
    return toOutcome(await this.#store.update(token, { data: this.#random() }))
  }

  async refresh(cookies: string): Promise<ChangeOutcome> {
    return toOutcome(await this.#store.refresh(this.#store.parseToken(cookies) ?? ''))
  }

  async rotate(cookies: string): Promise<ChangeOutcome & { readonly bearers?: readonly string[] }> {
    const token = await this.#store.rotate(this.#store.parseToken(cookies) ?? '')
    if (token === null) return { ok: false, setCookies: [] }
    return { ok: true, setCookies: await this.#cookiesOf(token), bearers: bearersOf(token) }
  }

  async signOut(cookies: string): Promise<void> {
    await this.#store.destroy(this.#store.parseToken(cookies) ?? '')
  }

  async signOutDevice(
    _cookies: string,
    of: { readonly userId: string; readonly cookies: string },
  ): Promise<void> {
    const token = this.#store.parseToken(of.cookies) ?? ''
    const session = await this.#store.get(token)
    // Where it is not valid by a copy there is nothing on the page to click on.
    if (session === null) await this.#store.destroy(token)
    else await this.#store.destroyById(of.userId, session.id)
  }

  async signOutOthers(cookies: string, userId: string): Promise<void> {
    const exceptToken = this.#store.parseToken(cookies)
    if (exceptToken === null) throw new SignedOutError('Nobody is signed in')
    await this.#store.destroyAllForUser(userId, { exceptToken })
  }

  async signOutAll(userId: string): Promise<void> {
    await this.#store.destroyAllForUser(userId)
  }

  async ban(userId: string): Promise<void> {
    await this.#store.ban(userId)
  }

  unban(userId: string): Promise<void> {
    return this.#store.unban(userId)
  }

  signOutEveryone(): Promise<void> {
    return this.#store.destroyEveryone()
  }

  async #cookiesOf(token: string): Promise<string[]> {
    const sealed = this.#hasSealed ? await this.#sealedOf(token) : []
    return [this.#store.getCookieHeader(token), ...sealed]
  }

  async #sealedOf(token: string): Promise<string[]> {
    const sealed = await this.#store.getSealedCopyHeader(token)
    return sealed === null ? [] : [sealed]
  }
}

/** The token, and the part of it that is secret. */
function bearersOf(token: string): string[] {
  return [token, token.split('.')[3] ?? token]
}

function toOutcome(session: object | null): ChangeOutcome {
  return { ok: session !== null, setCookies: [] }
}
