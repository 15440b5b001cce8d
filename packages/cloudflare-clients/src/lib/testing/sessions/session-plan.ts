import type { ConsistencyPreset } from '../consistency.ts'
import type { KVFault } from '../fault.ts'
import { createSeededRandom } from '../seeded-random.ts'
import type { SessionPolicy, ViewFreshness } from './session-system.ts'

export type SessionStepType =
  | 'sign-in'
  | 'view'
  | 'change'
  | 'refresh'
  | 'rotate'
  | 'sign-out'
  | 'sign-out-device'
  | 'sign-out-others'
  | 'sign-out-all'
  | 'sign-out-everyone'
  | 'ban'
  | 'unban'
  | 'restart-isolate'
  | 'restart-authorities'

/** One request, or one mishap. */
export interface SessionStep {
  /** After the beginning. */
  readonly atMs: number
  readonly type: SessionStepType
  readonly user: number
  readonly device: number
  /** From 0 to 1: which of the cookies that were ever issued, where those of the device are not what is sent. */
  readonly copy: number
  /** Whether an older copy of the cookies is sent. */
  readonly isCopied: boolean
  readonly location: number
  readonly isolate: number
  readonly freshness: ViewFreshness
  /** How long a password check or a slow request takes. */
  readonly workMs: number
}

export interface SessionPlan {
  readonly seed: number | string
  readonly policy: SessionPolicy
  readonly consistency: ConsistencyPreset
  readonly hasKvLatency: boolean
  readonly isolatesPerLocation: number
  readonly users: number
  readonly devices: number
  /** Of requests to the authority, and of replies. */
  readonly lossRate: number
  /** Of what is lost, how much never comes back; the rest fails. */
  readonly silentShare: number
  /** The longest of the slow tail of the way there, or back. */
  readonly tailMs: number
  /** While these last nothing reaches the authority. From the beginning. */
  readonly outages: readonly { readonly startMs: number; readonly endMs: number }[]
  /** With times from the beginning. */
  readonly kvFaults: readonly KVFault[]
  readonly steps: readonly SessionStep[]
  /** What passes after the last step before everything is looked at again. */
  readonly restMs: number
}

export interface SessionPlanOptions {
  /** Every view asks for this one. Default: one each. */
  readonly freshness?: ViewFreshness | undefined
  /** Default: some plans have timeouts that pass within them. `false`: none. */
  readonly expires?: boolean | undefined
  /** Default: most plans have them. `false`: neither KV nor the way to the authority fails. */
  readonly faults?: boolean | undefined
  /** Default: drawn. */
  readonly policy?: Partial<SessionPolicy> | undefined
}

const shares: Readonly<Record<SessionStepType, number>> = {
  'sign-in': 14,
  view: 36,
  change: 8,
  refresh: 5,
  rotate: 8,
  'sign-out': 6,
  'sign-out-device': 4,
  'sign-out-others': 4,
  'sign-out-all': 4,
  'sign-out-everyone': 0.4,
  ban: 1,
  unban: 2,
  'restart-isolate': 2,
  'restart-authorities': 3,
}

const stepTypes = Object.keys(shares) as SessionStepType[]
const shareSum = Object.values(shares).reduce((sum, share) => sum + share, 0)

/** A random schedule of sessions: the same for the same seed and options. */
export function createSessionPlan(
  seed: number | string,
  options: SessionPlanOptions = {},
): SessionPlan {
  const { freshness } = options
  const draw = new Draw(createSeededRandom(`session-plan-${seed}`))
  const users = draw.pick([1, 1, 1, 2, 3])
  const devices = draw.pick([2, 3, 4])
  const isolatesPerLocation = draw.pick([1, 1, 2, 3])
  const pace = draw.pick(['racing', 'mixed', 'mixed', 'calm'] as const)
  const steps: SessionStep[] = []
  const count = 25 + draw.below(35)
  let atMs = 0
  for (let number = 0; number < count; number++) {
    atMs += draw.pauseMs(pace)
    steps.push({
      atMs,
      // So that there is something to be revoked.
      type: number < devices ? 'sign-in' : draw.stepType(),
      user: draw.below(users),
      device: number < devices ? number : draw.below(devices),
      copy: draw.random(),
      isCopied: draw.random() < 0.35,
      location: draw.below(5),
      isolate: draw.below(isolatesPerLocation),
      freshness: draw.pick(['strict', 'bounded', 'edge'] as const),
      workMs: draw.pick([0, 5, 50, 300, 2000, 8000]),
    })
  }
  const hasFaults = options.faults ?? draw.random() < 0.7
  const policy = { ...drawPolicy(draw, options.expires ?? draw.random() < 0.2), ...options.policy }
  steps.push(...steps.flatMap((step) => drawEchoes(draw, { step, policy, isolatesPerLocation })))
  steps.sort((a, b) => a.atMs - b.atMs)
  return {
    seed,
    policy,
    consistency: draw.pick(['typical', 'typical', 'adverse', 'strong'] as const),
    hasKvLatency: draw.random() < 0.7,
    isolatesPerLocation,
    users,
    devices,
    lossRate: hasFaults ? draw.pick([0, 0, 0.02, 0.1, 0.3]) : 0,
    silentShare: draw.pick([0, 0.5, 1]),
    tailMs: hasFaults ? draw.pick([0, 500, 5000]) : 0,
    outages: hasFaults ? drawOutages(draw, steps) : [],
    kvFaults: hasFaults ? drawKvFaults(draw, atMs) : [],
    steps: freshness === undefined ? steps : steps.map((step) => ({ ...step, freshness })),
    // More than the slowest of KV, and than what any view may go by.
    restMs: 1000 * (policy.edgeSeconds + (policy.openWithinSeconds ?? 0)) + 600_000,
  }
}

/** Views around the end of a session, and by the same isolate when what that has learned is as old as it may be. */
function drawEchoes(
  draw: Draw,
  {
    step,
    policy,
    isolatesPerLocation,
  }: {
    readonly step: SessionStep
    readonly policy: SessionPolicy
    readonly isolatesPerLocation: number
  },
): SessionStep[] {
  const isRotation = step.type === 'rotate'
  if (!isRotation && !step.type.startsWith('sign-out') && step.type !== 'ban') return []
  if (draw.random() < 0.5) return []
  const view = {
    ...step,
    type: 'view',
    freshness: 'bounded',
    isCopied: false,
    location: draw.below(5),
    isolate: draw.below(isolatesPerLocation),
  } as const
  const oldMs = 1000 * policy.boundedSeconds
  // After the grace, by whatever token the browser has then: the older one where the answer was lost.
  if (isRotation)
    return [{ ...view, atMs: step.atMs + 1000 * policy.graceSeconds + draw.below(4000) }]
  return [
    { ...view, atMs: Math.max(0, step.atMs - draw.below(200)) },
    { ...view, atMs: step.atMs + oldMs + draw.below(4000) },
  ]
}

function drawPolicy(draw: Draw, isShort: boolean): SessionPolicy {
  return {
    idleSeconds: isShort ? draw.pick([60, 120, 600]) : 604_800,
    absoluteSeconds: isShort ? draw.pick([120, 300, 1800]) : 2_592_000,
    renewalFraction: draw.pick([0.1, 0.1, 0.5, 0.001]),
    graceSeconds: draw.pick([0, 10, 60, 60]),
    boundedSeconds: draw.pick([1, 10, 60]),
    edgeSeconds: draw.pick([60, 300, 3600]),
    openWithinSeconds: draw.pick([null, 60, 900]),
  }
}

/** Begins while a request is under way, a rotation by preference, so that it is handled and its answer is lost. */
function drawOutages(draw: Draw, steps: readonly SessionStep[]): SessionPlan['outages'] {
  if (draw.random() < 0.5) return []
  const rotations = steps.filter(({ type }) => type === 'rotate')
  const struck = draw.pick(rotations.length > 0 && draw.random() < 0.5 ? rotations : steps)
  const startMs = struck.atMs + draw.below(260)
  return [{ startMs, endMs: startMs + draw.pick([300, 1000, 10_000, 120_000]) }]
}

function drawKvFaults(draw: Draw, endMs: number): KVFault[] {
  const faults: KVFault[] = []
  for (let left = draw.below(3); left > 0; left--) {
    const startMs = draw.random() * endMs
    const scope = {
      startMs,
      endMs: startMs + draw.pick([2000, 30_000, 600_000]),
      rate: draw.pick([0.1, 0.5, 1]),
    }
    faults.push(
      draw.pick<KVFault>([
        { ...scope, type: 'error', appliedShare: 0.5 },
        { ...scope, type: 'rate_limited' },
        { ...scope, type: 'corrupt' },
        { ...scope, type: 'corrupt', replacement: '{"codex":1}' },
        { ...scope, type: 'corrupt', replacement: 'null' },
        { ...scope, type: 'central_down' },
        { ...scope, type: 'slow', delayMs: 3000 },
      ]),
    )
  }
  return faults
}

class Draw {
  readonly random: () => number

  constructor(random: () => number) {
    this.random = random
  }

  below(end: number): number {
    return Math.floor(this.random() * end)
  }

  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    // Never called with nothing to pick from.
    return from[this.below(from.length)] as T
  }

  stepType(): SessionStepType {
    let drawn = this.random() * shareSum
    return stepTypes.find((type) => (drawn -= shares[type]) < 0) ?? 'view'
  }

  /** Mostly so short that requests overlap, and now and then long enough for a cache to end. */
  pauseMs(pace: 'racing' | 'mixed' | 'calm'): number {
    const scale = this.random()
    const drawn = this.random()
    if (pace === 'racing' || (pace === 'mixed' && drawn < 0.55)) return Math.floor(scale * 60)
    if (drawn < 0.8) return Math.floor(scale * 4000)
    return Math.floor(scale * (drawn < 0.95 ? 60_000 : 400_000))
  }
}
