import {
  FeatureFlags,
  type FlagDefinition,
  memoryFlagAuthority,
} from '@codex/cloudflare-clients/feature-flags'
import {
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
} from '@codex/cloudflare-clients/testing'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { flagsNamespace } from './flag-system.ts'
import { createSeededBytes } from './seeded-bytes.ts'

const scenario = 'concurrent-edits'
const editors = 100
const flag = 'early-access'
const kvKey = 'flag:early-access'
const locations = ['AMS', 'SIN', 'IAD', 'GRU', 'SYD']

/** One way to the authority, in ms. */
const onewayMs = [5, 85, 45, 100, 130]

const ours = 'codex, through the authority'
const plain = 'read, change and write a key of KV'

/** In what time all of them edit, in seconds. */
const times = { 'at once': 0, 'within 5 minutes': 300 } as const
type TimeName = keyof typeof times

const metric = (kind: 'lost' | 'failed', time: TimeName): string =>
  kind === 'lost' ? `${time}: lost` : `${time}: refused`

/** Each of a hundred editors adds a user of their own to the list of one flag. */
export const concurrentEdits: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('flags', scenario)
    const ways: Readonly<Record<string, OpenEditing>> = {
      [ours]: openAuthority,
      [plain]: openPlain,
    }
    for (const [library, open] of Object.entries(ways)) {
      for (const [time, seconds] of Object.entries(times) as [TimeName, number][]) {
        const { lost, failed } = await editTogether(open, seconds)
        results.add(library, metric('lost', time), { value: lost })
        results.add(library, metric('failed', time), { value: failed })
      }
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    [
      metric('lost', 'at once'),
      metric('lost', 'within 5 minutes'),
      metric('failed', 'within 5 minutes'),
    ].flatMap((name) => {
      const found = cellOf(results, { library: ours, scenario, metric: name })
      return found === 0 ? [] : [`concurrent-edits: ${name}: 0 wanted, ${String(found)} found`]
    }),
}

interface EditReport {
  /** Edits that were reported as done and are not there. */
  readonly lost: number
  /** Edits that their editors were told of that they failed. */
  readonly failed: number
}

interface Editing {
  /** Adds a user to the list, from one of the locations. Rejects when it was not done. */
  add(user: string, location: number): Promise<void>
  /** Who is in the list in the end. */
  read(): Promise<readonly string[]>
}

type OpenEditing = (world: EditWorld) => Promise<Editing>

interface EditWorld {
  readonly clock: ReturnType<typeof createVirtualClock>
  readonly simulator: ReturnType<typeof createEdgeSimulator>
}

function editTogether(open: OpenEditing, seconds: number): Promise<EditReport> {
  const clock = createVirtualClock()
  const simulator = createEdgeSimulator({ seed: 'edits', clock, locations, latency: 'typical' })
  const random = createSeededRandom('edits')
  return clock.run(async () => {
    const editing = await open({ clock, simulator })
    await clock.sleep(600_000)
    const done: string[] = []
    await Promise.all(
      Array.from({ length: editors }, async (_, editor) => {
        await clock.sleep(random() * seconds * 1000)
        try {
          await editing.add(`user-${editor}`, editor % locations.length)
          done.push(`user-${editor}`)
        } catch {
          // Counted as what is not done.
        }
      }),
    )
    await clock.sleep(600_000)
    const found = new Set(await editing.read())
    return { lost: done.filter((user) => !found.has(user)).length, failed: editors - done.length }
  })
}

/** An isolate of ours in each location, with the authority somewhere else. */
const openAuthority: OpenEditing = async ({ clock, simulator }) => {
  const { now } = clock
  const authority = memoryFlagAuthority({
    kv: simulator.location('AMS').kv(flagsNamespace),
    now,
    timers: clock,
  })
  const all = locations.map((location, index) => {
    const call = async <Reply>(work: () => Reply): Promise<Awaited<Reply>> => {
      await clock.sleep(onewayMs[index] ?? 0)
      const reply = await work()
      await clock.sleep(onewayMs[index] ?? 0)
      return reply
    }
    return new FeatureFlags(simulator.location(location).kv(flagsNamespace), {
      now,
      timers: clock,
      random: createSeededBytes(location),
      authority: {
        getByName: (name) => {
          const calls = authority.getByName(name)
          return {
            getRuleset: (version) => call(() => calls.getRuleset(version)),
            change: (request) => call(() => calls.change(request)),
            changeAll: (request) => call(() => calls.changeAll(request)),
            getHistory: (request) => call(() => calls.getHistory(request)),
          }
        },
      },
    })
  })
  const [first] = all
  await first?.setFlag(flag, { enabled: true, allow: [] })
  return {
    add: async (user, location) => {
      await all[location]?.updateFlag(flag, (current) => addUser(current, user))
    },
    read: async () => {
      const published = await simulator.location('AMS').kv(flagsNamespace).get('flags:default')
      const { flags } = JSON.parse(published ?? '{}') as { flags: Record<string, FlagDefinition> }
      return flags[flag]?.allow ?? []
    },
  }
}

/** What is done without: the definition is read from KV, changed, and written back. */
const openPlain: OpenEditing = async ({ simulator }) => {
  const kvs = locations.map((location) => simulator.location(location).kv(flagsNamespace))
  await kvs[0]?.put(kvKey, JSON.stringify({ enabled: true, allow: [] }))
  return {
    add: async (user, location) => {
      const kv = kvs[location]
      const current = (await kv?.get<FlagDefinition>(kvKey, 'json')) ?? null
      await kv?.put(kvKey, JSON.stringify(addUser(current, user)))
    },
    read: async () => (await kvs[0]?.get<FlagDefinition>(kvKey, 'json'))?.allow ?? [],
  }
}

function addUser(current: FlagDefinition | null, user: string): FlagDefinition {
  const { version: _version, ...definition } = { version: 0, enabled: true, ...current }
  return { ...definition, allow: [...(current?.allow ?? []), user] }
}
