import {
  type ConsistencyPreset,
  CookieJar,
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
  type EdgeSimulator,
  priceKVOperations,
  type SessionIsolate,
  type SessionPolicy,
  type SessionSystem,
  type ViewFreshness,
  useImmediateWebCrypto,
  type VirtualClock,
} from '@codex/cloudflare-clients/testing'
import { limiterPrices } from '../limiters/limiter-prices.ts'
import { withVirtualDate } from '../simulation/virtual-date.ts'

/** One way to the one place of the authorities, in ms. */
const onewayMs: Readonly<Record<string, number>> = { AMS: 5, IAD: 45, SIN: 85, GRU: 100, SYD: 130 }

export const stageLocations: readonly string[] = Object.keys(onewayMs)

/** The defaults of ours, and what the others are set to. */
export const stagePolicy: SessionPolicy = {
  idleSeconds: 604_800,
  absoluteSeconds: 2_592_000,
  renewalFraction: 0.1,
  graceSeconds: 60,
  boundedSeconds: 60,
  edgeSeconds: 3600,
  openWithinSeconds: 900,
}

export interface StageUsage {
  readonly kvReads: number
  readonly kvWrites: number
  readonly authorityCalls: number
  readonly rowsWritten: number
  readonly queries: number
}

/** What a system counts outside of the simulator. */
export interface StageCounts {
  rowsWritten: number
  queries: number
}

/** A browser that was signed in. */
export interface StageBrowser {
  readonly jar: CookieJar
  /** @returns Whether the view was accepted. */
  view(isolate: SessionIsolate, freshness: ViewFreshness): Promise<boolean>
}

/** Several locations and nothing that fails: for what is measured step by step. */
export class SessionStage {
  readonly clock: VirtualClock
  readonly simulator: EdgeSimulator
  readonly counts: StageCounts
  readonly #openIsolate: (location: string) => SessionIsolate
  readonly #isolates = new Map<string, SessionIsolate>()
  #authorityCalls = 0

  constructor(
    system: SessionSystem,
    options: {
      readonly clock: VirtualClock
      readonly seed: string
      readonly consistency: ConsistencyPreset
      readonly counts: StageCounts
    },
  ) {
    const { clock, seed, consistency, counts } = options
    this.clock = clock
    this.counts = counts
    this.simulator = createEdgeSimulator({
      seed,
      clock,
      consistency,
      locations: stageLocations,
      latency: 'typical',
    })
    let names = 0
    const open = system.open({
      clock,
      policy: stagePolicy,
      random: (name) => createSeededRandom(`${seed}/${name}`),
      callAuthority: async <Reply>(
        location: string,
        work: () => Reply,
      ): Promise<Awaited<Reply>> => {
        this.#authorityCalls++
        await clock.sleep(onewayMs[location] ?? 0)
        const reply: Awaited<Reply> = structuredClone(await work())
        await clock.sleep(onewayMs[location] ?? 0)
        return reply
      },
      waitUntil: (work) => {
        work.catch(() => undefined)
      },
      onEvent: () => undefined,
    })
    this.#openIsolate = (location) =>
      open.openIsolate({
        name: `${location}/${++names}`,
        location,
        kv: this.simulator.location(location).kv('SESSIONS'),
      })
  }

  /** The isolate of a number in a location: a new one for each new number. */
  isolateAt(location: string, number = 0): SessionIsolate {
    const key = `${location}/${number}`
    const isolate = this.#isolates.get(key) ?? this.#openIsolate(location)
    this.#isolates.set(key, isolate)
    return isolate
  }

  /** Signs in from a browser of its own. */
  async signIn(userId: string, location: string): Promise<StageBrowser> {
    const { clock } = this
    const { setCookies } = await this.isolateAt(location).signIn(userId, {
      cookies: '',
      checkPassword: () => clock.sleep(100),
    })
    const jar = new CookieJar(clock.now)
    jar.take(setCookies)
    return {
      jar,
      view: async (isolate, freshness) => {
        const { accepted, setCookies: later } = await isolate.view(jar.header, freshness)
        // Whoever has a copy of the cookies does not let go of it.
        if (accepted) jar.take(later)
        return accepted
      },
    }
  }

  get usage(): StageUsage {
    const { read, write, delete: deleted } = this.simulator.operations
    return {
      kvReads: read,
      kvWrites: write + deleted,
      authorityCalls: this.#authorityCalls,
      ...this.counts,
    }
  }
}

/** Opens a stage on a clock of its own, with the globals that libraries take the time from. */
export async function onStage<T>(
  system: SessionSystem,
  options: {
    readonly seed: string
    readonly consistency?: ConsistencyPreset
    readonly counts?: StageCounts
  },
  work: (stage: SessionStage) => Promise<T>,
): Promise<T> {
  const clock = createVirtualClock()
  return onVirtualTime(clock.now, () =>
    clock.run(() => {
      const { seed, consistency = 'typical', counts = { rowsWritten: 0, queries: 0 } } = options
      return work(new SessionStage(system, { clock, seed, consistency, counts }))
    }),
  )
}

/** Runs work with a `Date` by that clock and a Web Crypto that it need not wait for. */
export async function onVirtualTime<T>(now: () => number, work: () => Promise<T>): Promise<T> {
  const end = useImmediateWebCrypto()
  const { error } = console
  // better-auth writes what it cannot parse there, whatever its logger is.
  console.error = () => undefined
  try {
    return await withVirtualDate(now, work)
  } finally {
    console.error = error
    end()
  }
}

export function usedSince(after: StageUsage, before: StageUsage): StageUsage {
  return {
    kvReads: after.kvReads - before.kvReads,
    kvWrites: after.kvWrites - before.kvWrites,
    authorityCalls: after.authorityCalls - before.authorityCalls,
    rowsWritten: after.rowsWritten - before.rowsWritten,
    queries: after.queries - before.queries,
  }
}

/** @returns Dollars. A query of D1 by a primary key is a row read: a thousandth of a cent for ten thousand, and left out. */
export function priceOfUsage({
  kvReads,
  kvWrites,
  authorityCalls,
  rowsWritten,
}: StageUsage): number {
  const { durableObjects } = limiterPrices
  const millionths =
    authorityCalls * durableObjects.dollarsPerMillionRequests +
    rowsWritten * durableObjects.dollarsPerMillionRowsWritten
  return (
    millionths / 1_000_000 +
    priceKVOperations({ read: kvReads, write: kvWrites, delete: 0, list: 0 })
  )
}
