import { createEdgeSimulator, type EdgeSimulator } from '../edge-simulator.ts'
import { createSeededRandom } from '../seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../virtual-clock.ts'
import { CookieJar } from './cookie-jar.ts'
import {
  type KnownToken,
  type RequestInterval,
  SessionOracle,
  type SessionViolation,
} from './session-oracle.ts'
import type { SessionPlan, SessionStep } from './session-plan.ts'
import type {
  OpenSessionSystem,
  SessionIsolate,
  SessionSystem,
  SessionWorld,
  ViewFreshness,
} from './session-system.ts'
import { sessionLocations, SimulatedWay } from './simulated-way.ts'

export interface SessionRunOptions {
  /** Default: a new virtual clock. */
  readonly clock?: VirtualClock
  /** Whether to write down what happened. Default `false`. */
  readonly trace?: boolean
}

export interface SessionRunReport {
  readonly violations: readonly SessionViolation[]
  /** Of views that were accepted after a revocation had returned: how long after, in ms. */
  readonly lagsMs: readonly number[]
  readonly views: number
  readonly accepted: number
  /** Requests that failed, so that nothing is known of them. */
  readonly failed: number
  /** What of the plan the system does not offer. */
  readonly unsupported: readonly string[]
  /** Secrets that let their holder in. */
  readonly bearers: number
  /** Of them, those that were found in a key, a value or an event. */
  readonly leaks: number
  readonly trace: readonly string[]
}

/** The cookies of one sign-in in one browser. */
interface Held {
  token: KnownToken
  readonly userId: string
  readonly jar: CookieJar
  /** All that the browser ever sent: somebody may have a copy. */
  readonly headers: string[]
}

const namespace = 'SESSIONS'
/** A request that takes longer is one that nobody waits for. */
const maxRequestMs = 60_000

/** Runs a plan for a system, and judges every answer. The same plan gives the same report. */
export async function runSessionPlan(
  plan: SessionPlan,
  system: SessionSystem,
  options: SessionRunOptions = {},
): Promise<SessionRunReport> {
  return new SessionRun(plan, system, options).run()
}

class SessionRun {
  readonly #plan: SessionPlan
  readonly #system: SessionSystem
  readonly #clock: VirtualClock
  readonly #simulator: EdgeSimulator
  readonly #way: SimulatedWay
  readonly #oracle: SessionOracle
  readonly #open: OpenSessionSystem
  readonly #startMs: number
  readonly #isolates = new Map<string, SessionIsolate>()
  readonly #devices = new Map<string, Held>()
  readonly #issued: Held[] = []
  readonly #unsupported = new Set<string>()
  readonly #bearers = new Set<string>()
  readonly #texts = new Set<string>()
  readonly #trace: string[] = []
  readonly #isTraced: boolean
  #turn = 0
  #names = 0
  #views = 0
  #accepted = 0
  #failed = 0

  constructor(plan: SessionPlan, system: SessionSystem, options: SessionRunOptions) {
    this.#plan = plan
    this.#system = system
    this.#isTraced = options.trace === true
    this.#clock = options.clock ?? createVirtualClock()
    this.#startMs = this.#clock.now()
    this.#simulator = createEdgeSimulator({
      seed: plan.seed,
      clock: this.#clock,
      locations: sessionLocations,
      consistency: plan.consistency,
      latency: plan.hasKvLatency ? 'typical' : 'none',
    })
    this.#way = new SimulatedWay(this.#clock, { plan, random: this.#random('way') })
    this.#oracle = new SessionOracle(
      { ...plan.policy, ...(system.keepsGrace !== true && { graceSeconds: 0 }) },
      system.refusalsAreFinal === true,
    )
    this.#open = system.open(this.#createWorld())
  }

  async run(): Promise<SessionRunReport> {
    const { steps, restMs, kvFaults } = this.#plan
    const ends = kvFaults.map(({ startMs = 0, endMs = Infinity, ...fault }) =>
      this.#simulator.injectFault({
        ...fault,
        startMs: this.#startMs + startMs,
        endMs: this.#startMs + endMs,
      }),
    )
    await this.#clock.run(async () => {
      const requests: Promise<void>[] = []
      for (const step of steps) {
        const waitMs = this.#startMs + step.atMs - this.#clock.now()
        if (waitMs > 0) await this.#clock.sleep(waitMs)
        requests.push(this.#take(step))
      }
      await Promise.all(requests)
      for (const end of ends) end()
      this.#way.isCalm = true
      await this.#clock.sleep(restMs)
      await this.#lookAtAll()
    })
    return {
      violations: this.#oracle.violations,
      lagsMs: this.#oracle.lagsMs,
      views: this.#views,
      accepted: this.#accepted,
      failed: this.#failed,
      unsupported: [...this.#unsupported],
      bearers: this.#bearers.size,
      leaks: this.#countLeaks(),
      trace: this.#trace,
    }
  }

  async #take(step: SessionStep): Promise<void> {
    const { type } = step
    if (type === 'restart-authorities') {
      this.#note(() => 'authorities restart')
      this.#open.restartAuthorities?.()
      return
    }
    const place = this.#placeOf(step)
    if (type === 'restart-isolate') {
      this.#note(() => `isolate ${place} restarts`)
      this.#isolates.delete(place)
      return
    }
    const isolate = this.#isolateAt(place)
    const userId = `user-${step.user}`
    if (type === 'sign-in') return this.#signIn(step, { isolate, userId })
    if (type === 'ban' || type === 'unban') return this.#ban(step, { isolate, userId })
    if (type === 'sign-out-all' || type === 'sign-out-everyone') {
      return this.#signOutAll(step, { isolate, userId })
    }
    const held = this.#pickHeld(step)
    if (held === undefined) return
    const header = step.isCopied
      ? (held.headers[Math.floor(step.copy * 997) % held.headers.length] ?? '')
      : held.jar.header
    return this.#useCookies(step, { isolate, held, header, token: held.token })
  }

  async #signIn(step: SessionStep, { isolate, userId }: Asked): Promise<void> {
    const device = `${userId}/${step.device}`
    const earlier = this.#devices.get(device)
    const cookies = earlier?.jar.header ?? ''
    let checkTurn = Infinity
    const ending: { settled?: { settle(): void } } = {}
    await this.#request(step, `${userId} signs in on device ${step.device}`, async (request) => {
      if (earlier !== undefined) {
        ending.settled = this.#oracle.beginEnding(earlier.token.session, request, {
          name: 'a sign-in in its place',
        })
      }
      const outcome = await isolate.signIn(userId, {
        cookies,
        checkPassword: () => {
          checkTurn = ++this.#turn
          return this.#clock.sleep(step.workMs)
        },
      })
      return () => {
        for (const bearer of outcome.bearers) this.#bearers.add(bearer)
        if (outcome.replaced === true) ending.settled?.settle()
        const token = this.#oracle.signedIn(userId, { request, checkTurn })
        const jar = new CookieJar(this.#clock.now)
        const held: Held = { token, userId, jar, headers: [] }
        this.#takeCookies(held, outcome.setCookies)
        this.#devices.set(device, held)
        this.#issued.push(held)
        return `session ${token.session.number}`
      }
    })
  }

  async #ban(step: SessionStep, { isolate, userId }: Asked): Promise<void> {
    const isBan = step.type === 'ban'
    const call = isBan ? isolate.ban?.bind(isolate) : isolate.unban?.bind(isolate)
    if (call === undefined) {
      this.#skip(step)
      return
    }
    await this.#request(step, `${userId}: ${step.type}`, async (request) => {
      const ban = this.#oracle.beginBan(userId, isBan, request)
      const all = isBan && this.#oracle.beginRevokeAll('a ban', request, { userId })
      await call(userId)
      return () => {
        ban.settle()
        if (all !== false) all.settle()
        return 'done'
      }
    })
  }

  async #signOutAll(step: SessionStep, { isolate, userId }: Asked): Promise<void> {
    const { type } = step
    const isEveryone = type === 'sign-out-everyone'
    const call = isEveryone
      ? isolate.signOutEveryone?.bind(isolate)
      : isolate.signOutAll?.bind(isolate, userId)
    if (call === undefined) {
      this.#skip(step)
      return
    }
    await this.#request(
      step,
      isEveryone ? 'all users sign out' : `${userId}: ${type}`,
      async (request) => {
        const all = this.#oracle.beginRevokeAll(type, request, isEveryone ? {} : { userId })
        await call()
        return () => {
          all.settle()
          return 'done'
        }
      },
    )
  }

  #useCookies(step: SessionStep, used: Used): Promise<void> {
    const { type } = step
    if (type === 'view') return this.#view(step, used)
    if (type === 'change' || type === 'refresh') return this.#change(step, used)
    return type === 'rotate' ? this.#rotate(step, used) : this.#signOut(step, used)
  }

  #view(step: SessionStep, { isolate, held, header, token }: Used): Promise<void> {
    const { freshness } = step
    return this.#request(step, `${freshness} view by ${nameOf(token)}`, async (request) => {
      this.#oracle.used(token, request)
      const outcome = await isolate.view(header, freshness)
      return () => {
        this.#views++
        if (outcome.accepted) this.#accepted++
        this.#oracle.judgeView(token, request, { ...outcome, freshness })
        if (outcome.accepted && !step.isCopied && held.token === token) {
          this.#takeCookies(held, outcome.setCookies)
        }
        return `${outcome.accepted ? 'accepted' : `refused: ${outcome.reason ?? ''}`} (bound ${outcome.boundMs})`
      }
    })
  }

  async #change(step: SessionStep, { isolate, held, header, token }: Used): Promise<void> {
    const { type } = step
    const call =
      type === 'refresh'
        ? isolate.refresh?.bind(isolate, header)
        : isolate.change?.bind(isolate, header, () => this.#clock.sleep(step.workMs))
    if (call === undefined) {
      this.#skip(step)
      return
    }
    await this.#request(step, `${type} by ${nameOf(token)}`, async (request) => {
      this.#oracle.used(token, request)
      const { ok, setCookies } = await call()
      return () => {
        this.#oracle.judgeChange(token, request, { name: type, ok })
        if (ok && !step.isCopied && held.token === token) this.#takeCookies(held, setCookies)
        return ok ? 'done' : 'no such session'
      }
    })
  }

  async #rotate(step: SessionStep, { isolate, held, header, token }: Used): Promise<void> {
    const call = isolate.rotate?.bind(isolate)
    if (call === undefined) {
      this.#skip(step)
      return
    }
    await this.#request(step, `rotation by ${nameOf(token)}`, async (request) => {
      this.#oracle.used(token, request)
      const rotation = this.#oracle.beginRotation(token, request)
      const outcome = await call(header)
      return () => {
        this.#oracle.judgeChange(token, request, { name: 'rotate', ok: outcome.ok })
        if (!outcome.ok) return 'no such session'
        for (const bearer of outcome.bearers ?? []) this.#bearers.add(bearer)
        const next: Held = {
          token: rotation.settle(),
          userId: held.userId,
          jar: new CookieJar(this.#clock.now, header),
          headers: [],
        }
        this.#takeCookies(next, outcome.setCookies)
        this.#issued.push(next)
        // Whose answer comes last wins, as in a browser.
        for (const [device, own] of this.#devices) if (own === held) this.#devices.set(device, next)
        return nameOf(next.token)
      }
    })
  }

  async #signOut(step: SessionStep, { isolate, held, header, token }: Used): Promise<void> {
    const { type } = step
    const { userId } = held
    if (type === 'sign-out-others') {
      const call = isolate.signOutOthers?.bind(isolate)
      if (call === undefined) {
        this.#skip(step)
        return
      }
      await this.#request(step, `${nameOf(token)} signs out all others`, async (request) => {
        this.#oracle.used(token, request)
        const all = this.#oracle.beginRevokeAll(type, request, { userId, except: token.session })
        await call(header, userId)
        return () => {
          all.settle()
          return 'done'
        }
      })
      return
    }
    const target = type === 'sign-out-device' ? this.#pickOther(held, step) : held
    const call =
      type === 'sign-out'
        ? isolate.signOut.bind(isolate, header)
        : isolate.signOutDevice?.bind(isolate, header, { userId, cookies: target.jar.header })
    if (call === undefined) {
      this.#skip(step)
      return
    }
    const { session } = target.token
    await this.#request(
      step,
      `${nameOf(token)} ends session ${session.number}`,
      async (request) => {
        this.#oracle.used(token, request)
        if (target !== held) this.#oracle.used(target.token, request)
        const ending = this.#oracle.beginEnding(session, request, { name: type })
        await call()
        return () => {
          ending.settle()
          return 'done'
        }
      },
    )
  }

  /** What is accepted for good, by all cookies there ever were, wherever they are sent. */
  async #lookAtAll(): Promise<void> {
    for (const held of this.#issued) {
      for (const [at, location] of sessionLocations.entries()) {
        const freshness = (['strict', 'bounded', 'edge'] as const)[
          (at + held.token.session.number) % 3
        ]
        const wanted = this.#plan.steps.find(({ type }) => type === 'view')?.freshness
        await this.#lookAt(held, location, this.#isUniform ? wanted : freshness)
      }
    }
  }

  get #isUniform(): boolean {
    const [first, ...rest] = this.#plan.steps
    return rest.every(({ freshness }) => freshness === first?.freshness)
  }

  async #lookAt(held: Held, location: string, freshness: ViewFreshness = 'strict'): Promise<void> {
    const step = { type: 'view', location: sessionLocations.indexOf(location), isolate: 0 } as const
    const { token } = held
    const isolate = this.#isolateAt(this.#placeOf(step))
    await this.#request(step, `${freshness} view at rest by ${nameOf(token)}`, async (request) => {
      this.#oracle.used(token, request)
      const outcome = await isolate.view(held.headers.at(-1) ?? '', freshness)
      return () => {
        this.#oracle.judgeRest(token, request, outcome)
        return outcome.accepted ? 'accepted' : `refused: ${outcome.reason ?? ''}`
      }
    })
  }

  /** @param ask - Sends it. @returns What is learned when it is over. */
  async #request(
    step: Pick<SessionStep, 'type' | 'location' | 'isolate'>,
    name: string,
    ask: (request: RequestInterval) => Promise<() => string>,
  ): Promise<void> {
    const request: RequestInterval = {
      startMs: this.#clock.now(),
      startTurn: ++this.#turn,
      endMs: Infinity,
      endTurn: Infinity,
    }
    const { startTurn } = request
    this.#note(() => `#${startTurn} ${name}, at ${this.#placeOf(step)}`)
    let timer = 0
    const late = new Promise<'late'>((resolve) => {
      timer = this.#clock.setTimeout(() => {
        resolve('late')
      }, maxRequestMs)
    })
    try {
      const learn = await Promise.race([ask(request), late])
      if (learn === 'late') {
        this.#failed++
        request.failedMs = this.#clock.now()
        this.#note(() => `#${startTurn} is not answered`)
        return
      }
      request.endMs = this.#clock.now()
      request.endTurn = ++this.#turn
      const said = learn()
      this.#note(() => `#${startTurn} ${said}`)
    } catch (error) {
      this.#failed++
      request.failedMs = this.#clock.now()
      this.#note(() => `#${startTurn} failed: ${String(error)}`)
      this.#texts.add(describe(error))
      if (this.#system.isUnavailable?.(error) === false) {
        this.#oracle.fail('unexpected-error', `${name}: ${describe(error)}`)
      }
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }

  #pickHeld(step: SessionStep): Held | undefined {
    const own = this.#devices.get(`user-${step.user}/${step.device}`)
    if (own !== undefined && !step.isCopied) return own
    return this.#issued[Math.floor(step.copy * this.#issued.length)]
  }

  #pickOther(held: Held, step: SessionStep): Held {
    const others = this.#issued.filter(({ userId }) => userId === held.userId)
    return others[Math.floor(step.copy * 31) % others.length] ?? held
  }

  #takeCookies(held: Held, setCookies: readonly string[]): void {
    held.jar.take(setCookies)
    const { header } = held.jar
    if (held.headers.at(-1) !== header) held.headers.push(header)
  }

  #placeOf({ location, isolate }: Pick<SessionStep, 'location' | 'isolate'>): string {
    return `${sessionLocations[location] ?? ''}/${isolate}`
  }

  #isolateAt(place: string): SessionIsolate {
    const known = this.#isolates.get(place)
    if (known !== undefined) return known
    const [location = ''] = place.split('/')
    const kv = this.#simulator.location(location).kv(namespace)
    const isolate = this.#open.openIsolate({
      name: `${place}/${++this.#names}`,
      location,
      kv: watchTexts(kv, this.#texts),
    })
    this.#isolates.set(place, isolate)
    return isolate
  }

  #createWorld(): SessionWorld {
    return {
      clock: this.#clock,
      policy: this.#plan.policy,
      random: (name) => this.#random(name),
      callAuthority: (location, work) => this.#way.call(location, work),
      waitUntil: (work) => {
        work.catch((error: unknown) => {
          this.#oracle.fail('unexpected-error', `in the background: ${describe(error)}`)
        })
      },
      onEvent: (event) => {
        this.#texts.add(
          JSON.stringify(event, (_, value: unknown) =>
            value instanceof Error ? describe(value) : value,
          ),
        )
      },
    }
  }

  #countLeaks(): number {
    const texts = [...this.#texts].join('\n')
    return [...this.#bearers].filter((bearer) => texts.includes(bearer)).length
  }

  #random(name: string): () => number {
    return createSeededRandom(`${this.#plan.seed}/${name}`)
  }

  #skip({ type }: SessionStep): void {
    this.#unsupported.add(type)
  }

  #note(describeIt: () => string): void {
    if (!this.#isTraced) return
    this.#trace.push(`${String(this.#clock.now() - this.#startMs).padStart(8)} ms  ${describeIt()}`)
  }
}

interface Asked {
  readonly isolate: SessionIsolate
  readonly userId: string
}

interface Used {
  readonly isolate: SessionIsolate
  readonly held: Held
  readonly header: string
  readonly token: KnownToken
}

function nameOf({ session, generation }: KnownToken): string {
  return generation === 0
    ? `session ${session.number}`
    : `session ${session.number}, token ${generation + 1}`
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? String(error) : `${String(error)}: ${describe(error.cause)}`
}

/** Keeps every text that is asked for or stored. */
function watchTexts(kv: KVNamespace, texts: Set<string>): KVNamespace {
  return new Proxy(kv, {
    get: (target, name) => {
      const method = Reflect.get(target, name, target) as unknown
      if (typeof method !== 'function') return method
      return (...args: unknown[]): unknown => {
        for (const arg of args) texts.add(typeof arg === 'string' ? arg : JSON.stringify(arg))
        return (method as (...all: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}
