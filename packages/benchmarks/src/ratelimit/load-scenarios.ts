import { ours } from '../limiters/codex.ts'
import type { LimiterUnderTest } from '../limiters/limiter-under-test.ts'
import type { Scenario } from '../scenario.ts'
import type { Load } from './load.ts'
import type { LoadBar } from './load-bars.ts'
import { loadScenario } from './load-scenario.ts'

interface NamedLoad {
  readonly name: string
  readonly heading: string
  /** What it shows, in a sentence. */
  readonly text: string
  readonly load: Load
  /** Beside those that hold under every load. */
  readonly bars: readonly LoadBar[]
}

const minuteMs = 60_000
const around = { isolates: 20, locations: 5, roundTripMs: [8, 130] } as const

/** Never over, whatever the load: in aligned windows, and for the strict one in any. */
const neverOver: readonly LoadBar[] = [
  { library: ours.lease, metric: 'aligned', atMost: 1 },
  { library: ours.object, metric: 'aligned', atMost: 1 },
  { library: ours.strictLease, metric: 'aligned', atMost: 1 },
  { library: ours.strictLease, metric: 'trailing', atMost: 1 },
]
/** For loads with more demand than the limit, and isolates that live on. */
const wellUsed: readonly LoadBar[] = [ours.lease, ours.strictLease, ours.object].map((library) => ({
  library,
  metric: 'utilisation',
  atLeast: 0.97,
}))
const mostlyLocal: LoadBar = { library: ours.lease, metric: 'local', atLeast: 97 }

function fewRequests(atMost: number): LoadBar {
  return { library: ours.lease, metric: 'requests', atMost }
}

export const namedLoads: readonly NamedLoad[] = [
  {
    name: 'a',
    heading: 'A: 1,000 a minute, six times as much asked for',
    text: '20 isolates in 5 locations, five minutes.',
    load: { ...around, limit: 1000, windowMs: minuteMs, demand: 6, windows: 5 },
    bars: [...wellUsed, mostlyLocal, fewRequests(50)],
  },
  {
    name: 'b',
    heading: 'B: 6,000 a minute, half as much asked for',
    text: '20 isolates in 5 locations, five minutes. Nobody is to be denied; what differs is what it takes to know that.',
    load: { ...around, limit: 6000, windowMs: minuteMs, demand: 0.5, windows: 5 },
    bars: [mostlyLocal],
  },
  {
    name: 'c',
    heading: 'C: 10 a minute, six times as much asked for',
    text: 'A sign-in: 10 isolates in 3 locations, 20 minutes. Too little to lease, so ours asks for each call and remembers denials.',
    load: {
      ...around,
      isolates: 10,
      locations: 3,
      limit: 10,
      windowMs: minuteMs,
      demand: 6,
      windows: 20,
    },
    bars: [...wellUsed],
  },
  {
    name: 'd',
    heading: 'D: 100,000 a minute, 3,000 asked for in a second',
    text: '100 isolates in 20 locations, two minutes. Three times what one object is good for, where each check is a call.',
    load: {
      ...around,
      isolates: 100,
      locations: 20,
      limit: 100_000,
      windowMs: minuteMs,
      demand: 1.8,
      windows: 2,
    },
    bars: [...wellUsed, mostlyLocal, fewRequests(15)],
  },
  {
    name: 'e',
    heading: 'E: 100 a minute at one location, three times as much asked for',
    text: 'One address: 4 isolates, 20 ms from the authority, ten minutes.',
    load: {
      isolates: 4,
      locations: 1,
      roundTripMs: [20, 20],
      limit: 100,
      windowMs: minuteMs,
      demand: 3,
      windows: 10,
    },
    bars: [...wellUsed],
  },
  {
    name: 'f',
    heading: 'F: as A, with isolates that live five seconds',
    text: 'Each isolate ends after five seconds on average and takes what it holds with it. What is lost is not admitted to anybody.',
    load: {
      ...around,
      limit: 1000,
      windowMs: minuteMs,
      demand: 6,
      windows: 5,
      isolateLifeMs: 5000,
    },
    bars: [],
  },
  {
    name: 'g',
    heading: 'G: 100 in ten seconds, five times as much asked for',
    text: '20 isolates in 5 locations, 200 seconds.',
    load: { ...around, limit: 100, windowMs: 10_000, demand: 5, windows: 20 },
    bars: [...wellUsed],
  },
  {
    name: 'h',
    heading: 'H: 1,000 in ten minutes, three times as much asked for',
    text: '20 isolates in 5 locations, half an hour. The native binding knows no such window.',
    load: { ...around, limit: 1000, windowMs: 10 * minuteMs, demand: 3, windows: 3 },
    bars: [...wellUsed],
  },
]

export const loadScenarios: readonly Scenario<LimiterUnderTest>[] = namedLoads.map(toScenario)

/** A load with what is asserted of ours, also of the same load for a shorter time. */
export function toScenario({
  name,
  load,
  bars,
}: Pick<NamedLoad, 'name' | 'load' | 'bars'>): Scenario<LimiterUnderTest> {
  return loadScenario({ name, load, bars: [...neverOver, ...bars] })
}
