import {
  type FlagAuthorityCalls,
  type FlagAuthorityNamespace,
  type FlagDefinition,
  FlagReader,
} from '../../src/feature-flags.ts'
import { memoryFlagAuthority } from '../../src/lib/feature-flags/memory-flag-authority.ts'
import {
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
  type VirtualClock,
} from '../../src/testing.ts'
import { seedRuleset, toRuleset } from './flag-world.ts'

type FlagMode = 'edge' | 'strict' | 'confirmed'

export interface FlagSimulationOptions {
  readonly seed: number
  readonly minutes: number
  /** Whether KV and the authority fail now and then. */
  readonly hasFaults: boolean
}

export interface FlagSimulationResult {
  /** What was promised and did not hold, in words. */
  readonly violations: readonly string[]
  /** How long after each change its isolates first saw it, in ms. */
  readonly lagsMs: Readonly<Record<FlagMode, readonly number[]>>
  readonly requests: number
  readonly changes: number
}

const locationCount = 30
const withinSeconds = 5
const freshSeconds = 30
const cacheTtlSeconds = 60
/** Of the adverse simulator. */
const propagationSeconds = 300
const maxGapMs = 15_000
/** A read behind a request, a put a second after the last, and what both take. */
const slackMs = 10_000
export const edgeBoundMs =
  (propagationSeconds + cacheTtlSeconds + freshSeconds) * 1000 + 2 * maxGapMs + slackMs

interface Change {
  readonly version: number
  readonly isOfStrict: boolean
  readonly returnedAtMs: number
}

/** Isolates in 30 locations that read flags while somebody changes them, each request held against what is promised. */
export async function runFlagSimulation(
  options: FlagSimulationOptions,
): Promise<FlagSimulationResult> {
  const { seed, minutes, hasFaults } = options
  const clock = createVirtualClock()
  const random = createSeededRandom(`flags/${seed}`)
  const names = Array.from({ length: locationCount }, (_, i) => `L${i}`)
  const simulator = createEdgeSimulator({
    seed,
    locations: names,
    consistency: 'adverse',
    latency: 'typical',
    clock,
  })
  const namespace = 'FLAGS_KV'
  const strict: FlagDefinition = { enabled: true, strict: { withinSeconds, otherwise: 'off' } }
  const plain: FlagDefinition = { enabled: true }
  const memory = memoryFlagAuthority({
    kv: simulator.location('L0').kv(namespace),
    now: clock.now,
    timers: clock,
    random,
    onEvent: () => undefined,
  })
  const authority = delayed(memory, { clock, random, hasFaults })
  const calls = memory.getByName('default')
  const endMs = clock.now() + minutes * 60_000
  const changes: Change[] = []
  const violations: string[] = []
  const lagsMs: Record<FlagMode, number[]> = { edge: [], strict: [], confirmed: [] }
  let requests = 0
  let changeId = 0
  if (hasFaults) {
    simulator.injectFault({ type: 'error', operations: ['read'], rate: 0.2 })
    simulator.injectFault({ type: 'corrupt', rate: 0.05 })
    simulator.injectFault({ type: 'slow', delayMs: 4000, rate: 0.05 })
  }

  const change = async (isOfStrict: boolean, next: FlagDefinition): Promise<void> => {
    const target = { kind: 'flag', name: isOfStrict ? 'kill' : 'plain' } as const
    const request = { changeId: `c${changeId++}`, target, next, author: 'simulation' }
    const reply = await calls.change(request)
    await clock.sleep(random() * 100)
    if (!reply.ok) throw new Error(`Refused: ${reply.reason}`)
    changes.push({ version: reply.version, isOfStrict, returnedAtMs: clock.now() })
  }

  const write = async (): Promise<void> => {
    while (clock.now() < endMs) {
      await clock.sleep(random() * 120_000)
      const isOfStrict = random() < 0.5
      await change(isOfStrict, { ...(isOfStrict ? strict : plain), enabled: random() < 0.5 })
    }
  }

  const read = async (name: string, mode: FlagMode): Promise<void> => {
    const background = new Set<Promise<unknown>>()
    const flags = new FlagReader(simulator.location(name).kv(namespace), {
      now: clock.now,
      timers: clock,
      onEvent: () => undefined,
      freshSeconds,
      cacheTtlSeconds,
      waitUntil: (work) => background.add(work),
      ...(mode !== 'edge' && { authority }),
      ...(mode === 'confirmed' && { confirmWithinSeconds: withinSeconds }),
    })
    let highest = 0
    const seen = new Set<number>()
    const request = async (): Promise<void> => {
      requests++
      const beganMs = clock.now()
      const { version, status } = await flags.ready()
      const { reason } = flags.evaluate('kill', { userId: 'user-1' }, true)
      const at = `${name} (${mode}) at ${beganMs} gave version ${version}`
      if (version < highest) violations.push(`${at} after ${highest}`)
      highest = Math.max(highest, version)
      for (const { version: changed, isOfStrict, returnedAtMs } of changes) {
        if (version >= changed && !seen.has(changed)) {
          seen.add(changed)
          if (mode !== 'strict' || isOfStrict) lagsMs[mode].push(beganMs - returnedAtMs)
        }
        if (version >= changed) continue
        const ageMs = beganMs - returnedAtMs
        const isPromised =
          mode === 'edge'
            ? !hasFaults && ageMs >= edgeBoundMs
            : status !== 'none' &&
              ageMs >= withinSeconds * 1000 &&
              (mode === 'confirmed' ? status === 'ready' : isOfStrict && reason !== 'STALE')
        if (isPromised) violations.push(`${at}, and ${changed} returned ${ageMs} ms before`)
      }
    }
    const pending: Promise<void>[] = []
    while (clock.now() < endMs) {
      // Now and then several requests are under way at once.
      pending.push(request())
      if (random() < 0.7) await pending.at(-1)
      await clock.sleep(random() ** 2 * maxGapMs)
    }
    await Promise.all(pending)
    await Promise.all(background)
  }

  await clock.run(async () => {
    await change(true, strict)
    await change(false, plain)
    await memory.whenPublished()
    // Known everywhere before it begins: that a flag is strict is known from the ruleset.
    seedRuleset(
      simulator,
      toRuleset(2, { kill: { ...strict, version: 1 }, plain: { ...plain, version: 2 } }),
    )
    const modes: readonly FlagMode[] = ['edge', 'strict', 'confirmed']
    const readers = names.map((name, i) => read(name, modes[i % 3] ?? 'edge'))
    await Promise.all([write(), ...readers])
  })
  return { violations, lagsMs, requests, changes: changes.length }
}

/** The way to an object and back, on which a call may also get lost. */
function delayed(
  authority: FlagAuthorityNamespace,
  {
    clock,
    random,
    hasFaults,
  }: { readonly clock: VirtualClock; readonly random: () => number; readonly hasFaults: boolean },
): FlagAuthorityNamespace {
  const draw = (): number => (hasFaults && random() < 0.1 ? 3000 : 300) * random()
  return {
    getByName(name) {
      const calls = authority.getByName(name)
      const getRuleset: FlagAuthorityCalls['getRuleset'] = async (knownVersion) => {
        await clock.sleep(draw())
        if (hasFaults && random() < 0.1) throw new Error('The object is not there')
        const reply = await calls.getRuleset(knownVersion)
        await clock.sleep(draw())
        return reply
      }
      return { ...calls, getRuleset }
    },
  }
}
