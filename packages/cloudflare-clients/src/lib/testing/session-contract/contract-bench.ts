import { describeError, expectEqual, fail } from './contract-expectations.ts'
import type {
  ContractFeature,
  ContractIsolate,
  ContractNeed,
  ContractSession,
  ContractSignIn,
  ContractWorld,
  SessionGuarantees,
} from './contract-subject.ts'

/** Where nothing is promised: longer than KV takes. */
const unpromisedMs = 300_000

/** A case of the contract. */
export interface ContractCaseDefinition {
  readonly name: string
  readonly needs: readonly ContractNeed[]
  run(bench: ContractBench): Promise<void>
}

/** The world of a case, with what cases do and expect in it. */
export class ContractBench {
  readonly world: ContractWorld
  readonly guarantees: SessionGuarantees
  readonly #user: string

  constructor(world: ContractWorld, guarantees: SessionGuarantees, caseName: string) {
    this.world = world
    this.guarantees = guarantees
    this.#user = caseName.replaceAll(/[^a-z]+/gi, '-').slice(0, 60)
    if (new Set(world.locations).size < 2) {
      fail('a world with two locations or more', `${world.locations.length}`)
    }
  }

  /** Users are the case's own, for worlds that share a store. */
  user(name = 'ada'): string {
    return `${this.#user}/${name}`
  }

  /** A promise that the case needs. */
  bound(name: Exclude<ContractNeed, ContractFeature>): number {
    return this.guarantees[name] ?? 0
  }

  /** A part of the world that the case needs. */
  tool<Name extends ContractFeature & keyof ContractWorld>(
    name: Name,
  ): NonNullable<ContractWorld[Name]> {
    const tool = this.world[name]
    if (tool === undefined) fail(`the world to have ${name}, or \`without\` to name it`, 'none')
    return tool.bind(this.world) as NonNullable<ContractWorld[Name]>
  }

  /** A new isolate, by default in the first location. */
  async open(locationIndex = 0): Promise<BenchIsolate> {
    const { locations } = this.world
    const location = locations[locationIndex % locations.length] ?? ''
    const isolate = await this.world.openIsolate(location)
    return new BenchIsolate(isolate, { world: this.world, location })
  }

  openEverywhere(): Promise<BenchIsolate[]> {
    return Promise.all(this.world.locations.map((_, index) => this.open(index)))
  }

  async settle(): Promise<void> {
    await this.world.settle?.()
  }

  /** Awaits what was begun with {@link BenchIsolate.begin}, while a virtual clock moves. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.world.run === undefined ? work() : this.world.run(work)
  }

  /** Lets time pass after all background work is done. */
  async pass(ms: number): Promise<void> {
    await this.settle()
    if (ms > 0) await this.world.advance(ms)
    await this.settle()
  }

  /** Lets time pass until then, whatever calls took of it. */
  async passUntil(atMs: number): Promise<void> {
    await this.settle()
    const leftMs = atMs - this.world.now()
    if (leftMs < 0) fail('calls to take no longer than a session', `${-leftMs} ms more`)
    await this.pass(leftMs)
  }

  /** Lets more time pass than a bound is long. Of one of 0: none. */
  async passBound(name: Exclude<ContractNeed, ContractFeature>): Promise<void> {
    const boundMs = this.bound(name)
    if (boundMs > 0) await this.pass(boundMs + 1)
    else await this.settle()
  }

  /** Lets a new session be seen everywhere, before the case itself begins. */
  async passSignIn(): Promise<void> {
    const { signInBoundMs, idleTimeoutMs = Infinity } = this.guarantees
    await this.pass(signInBoundMs ?? Math.min(unpromisedMs, idleTimeoutMs / 8))
  }
}

/** An isolate whose calls let a virtual clock move, and whose answers are checked. */
export class BenchIsolate {
  readonly location: string
  readonly #isolate: ContractIsolate
  readonly #world: ContractWorld

  constructor(
    isolate: ContractIsolate,
    { world, location }: { readonly world: ContractWorld; readonly location: string },
  ) {
    this.#isolate = isolate
    this.#world = world
    this.location = location
  }

  /**
   * Begins a call that waits for the case, which a virtual clock must not wait for.
   *
   * @returns What it resolves to, or `null` where it rejects: nobody promises that it succeeds.
   */
  begin<T>(call: (isolate: ContractIsolate) => Promise<T> | undefined): Promise<T | null> {
    return (call(this.#isolate) ?? Promise.resolve(null)).catch(() => null)
  }

  async signIn(userId: string, options: ContractSignIn = {}): Promise<string> {
    const token = await this.#run(() => this.#isolate.signIn(userId, options))
    if (typeof token !== 'string' || token === '') fail('signIn to give a token', typeof token)
    return token
  }

  validate(token: string | null): Promise<ContractSession | null> {
    return this.#run(() => this.#isolate.validate(token))
  }

  async destroy(token: string): Promise<void> {
    await this.#run(() => this.#isolate.destroy(token))
  }

  async destroyAll(userId: string): Promise<void> {
    await this.#call('destroyAll', (call) => call(userId))
  }

  async destroyOthers(userId: string, exceptToken: string): Promise<void> {
    await this.#call('destroyOthers', (call) => call(userId, exceptToken))
  }

  update(token: string, data: unknown): Promise<boolean> {
    return this.#call('update', (call) => call(token, data))
  }

  refresh(token: string): Promise<boolean> {
    return this.#call('refresh', (call) => call(token))
  }

  rotate(token: string): Promise<string | null> {
    return this.#call('rotate', (call) => call(token))
  }

  list(userId: string): Promise<readonly string[]> {
    return this.#call('list', (call) => call(userId))
  }

  async expectAccepted(token: string, what: string, userId?: string): Promise<ContractSession> {
    const session = await this.#tryValidate(token, `${what} to be accepted`)
    if (session === null) fail(`${what} to be accepted in ${this.location}`, 'a refusal')
    if (userId !== undefined) expectEqual(`the user of ${what}`, session.userId, userId)
    return session
  }

  async expectRefused(token: string | null, what: string): Promise<void> {
    const session = await this.#tryValidate(token, `${what} to be refused`)
    if (session !== null) fail(`${what} to be refused in ${this.location}`, 'a session')
  }

  async #tryValidate(token: string | null, wanted: string): Promise<ContractSession | null> {
    try {
      return await this.validate(token)
    } catch (error) {
      return fail(`${wanted} in ${this.location}`, `a rejection: ${describeError(error)}`)
    }
  }

  async #call<Name extends ContractFeature & keyof ContractIsolate, T>(
    name: Name,
    ask: (call: NonNullable<ContractIsolate[Name]>) => Promise<T>,
  ): Promise<T> {
    const call = this.#isolate[name]
    if (call === undefined) fail(`the isolate to have ${name}, or \`without\` to name it`, 'none')
    return this.#run(() => ask(call.bind(this.#isolate) as NonNullable<ContractIsolate[Name]>))
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    return this.#world.run === undefined ? work() : this.#world.run(work)
  }
}
