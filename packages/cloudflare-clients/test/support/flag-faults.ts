import { FlagReader, type FlagReaderOptions, type FlagRuleset } from '../../src/feature-flags.ts'
import { createEdgeSimulator, createVirtualClock, type EdgeSimulator } from '../../src/testing.ts'
import { ScriptedFlagAuthority } from './scripted-flag-authority.ts'

/** What goes wrong. */
const flagFaults = [
  'none',
  'KV throws once',
  'KV throws',
  'KV is slow',
  'KV gives garbage',
  'KV gives an older version',
  'KV has none',
  'authority down',
  'authority slow',
] as const
type FlagFaultName = (typeof flagFaults)[number]

/** What an isolate has when it begins. */
const flagStarts = [
  /** Nothing. */
  'cold',
  /** Nothing, and an authority for all flags. */
  'cold, confirmed',
  /** Nothing, an authority, and a strict flag in KV. */
  'cold, strict',
  /** A ruleset that is to be renewed. */
  'stale',
  /** One that is too old to answer without waiting. */
  'too old',
  /** One in the bundle. */
  'bootstrap',
  /** A strict flag, whose last confirmation is too old. */
  'strict',
  /** The same, with a value for when it cannot be confirmed. */
  'strict, otherwise',
] as const
type FlagStartName = (typeof flagStarts)[number]

/** One request in a row of the table: what `ready` and `evaluate` gave, and what they cost. */
interface FlagFaultStep {
  /** The first request under the fault, one 3 seconds later, and one 10 seconds after its end. */
  readonly at: 'first' | 'later' | 'after'
  readonly status: string
  readonly value: string
  readonly reason: string
  /** What decided, or the code of the error. */
  readonly decision: string
  readonly reads: number
  readonly calls: number
  readonly waitedMs: number
}

export interface FlagFaultRow {
  readonly fault: FlagFaultName
  readonly start: FlagStartName
  readonly steps: readonly FlagFaultStep[]
}

const key = 'flags:default'
const flag = 'banner'

/** Gives everybody its version, as `v7`. */
function rulesetOfVersion(version: number, strict?: object): FlagRuleset {
  const variants = { on: `v${version}`, safe: 'safe' }
  return {
    format: 1,
    version,
    changedAtMs: version,
    flags: { [flag]: { enabled: true, variants, version, ...(strict && { strict }) } },
  } as FlagRuleset
}

/** Runs every fault from every start: the rows of the table of faults. */
export async function runFlagFaults(): Promise<readonly FlagFaultRow[]> {
  const rows: FlagFaultRow[] = []
  for (const fault of flagFaults) {
    for (const start of flagStarts) rows.push(await runRow(fault, start))
  }
  return rows
}

async function runRow(fault: FlagFaultName, start: FlagStartName): Promise<FlagFaultRow> {
  const clock = createVirtualClock({ turnsPerStep: 10 })
  const simulator = createEdgeSimulator({ locations: ['AMS'], consistency: 'strong', clock })
  const strict = start.includes('strict')
    ? { withinSeconds: 5, ...(start === 'strict, otherwise' && { otherwise: 'safe' }) }
    : undefined
  const current = rulesetOfVersion(7, strict)
  const authority = new ScriptedFlagAuthority(current, clock)
  simulator.store('FLAGS_KV').seed(key, JSON.stringify(current))
  const background = new Set<Promise<unknown>>()
  const options: FlagReaderOptions = {
    now: clock.now,
    timers: clock,
    onEvent: () => undefined,
    waitUntil: (work) => {
      background.add(work)
      void work.finally(() => background.delete(work))
    },
    ...((strict ?? start === 'cold, confirmed') && { authority }),
    ...(start === 'cold, confirmed' && { confirmWithinSeconds: 5 }),
    ...(start === 'bootstrap' && { bootstrap: rulesetOfVersion(6) }),
  }
  const flags = new FlagReader(simulator.location('AMS').kv('FLAGS_KV'), options)
  const settle = (): Promise<unknown> => clock.run(() => Promise.all(background))

  const request = async (at: FlagFaultStep['at']): Promise<FlagFaultStep> => {
    const readsBefore = simulator.operations.read
    const callsBefore = authority.calls
    const beganMs = clock.now()
    const { status } = await clock.run(() => flags.ready())
    const { value, reason, decision, error } = flags.evaluate(flag, { userId: 'user-1' }, 'default')
    const waitedMs = clock.now() - beganMs
    await clock.advance(0)
    return {
      at,
      status,
      value,
      reason,
      decision: error?.code ?? decision ?? '',
      reads: simulator.operations.read - readsBefore,
      calls: authority.calls - callsBefore,
      waitedMs,
    }
  }

  const ageSeconds = { stale: 60, 'too old': 3600, strict: 6, 'strict, otherwise': 6 }[
    start as string
  ]
  if (ageSeconds !== undefined) {
    await clock.run(() => flags.ready())
    await clock.advance(ageSeconds * 1000)
  }
  const end = await begin(fault, simulator, authority)
  const first = await request('first')
  await clock.advance(3000)
  const later = await request('later')
  await end()
  await clock.advance(10_000)
  const after = await request('after')
  await settle()
  return { fault, start, steps: [first, later, after] }
}

/** @returns Ends the fault. */
async function begin(
  fault: FlagFaultName,
  simulator: EdgeSimulator,
  authority: ScriptedFlagAuthority,
): Promise<() => Promise<void>> {
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const restore = (): Promise<void> => kv.put(key, JSON.stringify(authority.ruleset))
  switch (fault) {
    case 'none':
      return () => Promise.resolve()
    case 'KV throws once': {
      const reads = simulator.operations.read
      const isFirst = (): boolean => simulator.operations.read <= reads + 1
      return toAsync(simulator.injectFault({ type: 'error', keys: isFirst }))
    }
    case 'KV throws':
      return toAsync(simulator.injectFault({ type: 'error' }))
    case 'KV is slow':
      return toAsync(simulator.injectFault({ type: 'slow', delayMs: 5000 }))
    case 'KV gives garbage':
      return toAsync(simulator.injectFault({ type: 'corrupt' }))
    case 'KV gives an older version':
      await kv.put(key, JSON.stringify(rulesetOfVersion(5)))
      return restore
    case 'KV has none':
      await kv.delete(key)
      return restore
    case 'authority down':
    case 'authority slow':
      authority.state = fault === 'authority down' ? 'down' : 'slow'
      return () => {
        authority.state = 'up'
        return Promise.resolve()
      }
  }
}

function toAsync(end: () => void): () => Promise<void> {
  return () => {
    end()
    return Promise.resolve()
  }
}

/** A row as one line of text. */
export function toFaultLine({ fault, start, steps }: FlagFaultRow): string {
  const cells = steps.map(
    ({ status, value, reason, decision, reads, calls, waitedMs }) =>
      `${status} ${value} ${reason} ${decision} ${reads}r ${calls}c ${waitedMs}ms`,
  )
  return [fault, start, ...cells].join(' | ')
}
