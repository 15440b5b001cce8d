import {
  FeatureFlags,
  type FlagReader,
  memoryFlagAuthority,
  murmur3Bucketing,
  sha256Bucketing,
} from '@codex/cloudflare-clients/feature-flags'
import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'
import { type FeatureDefinition, GrowthBookClient } from '@growthbook/growthbook'
import { FlagdCore } from '@openfeature/flagd-core'

const percentage = 50
const name = 'checkout'
const newName = 'new-checkout'

/** Whether a user is in the half that gets the flag. */
type IsIn = (userId: string) => boolean

/** Users that a change moved in or out. */
export interface Moves {
  readonly renamed: number
  /** `null`: there is one algorithm. */
  readonly upgraded: number | null
}

/** Ours, through its writer: a rename, and a reader and a writer that know newer algorithms. */
export async function countOurMoves(ids: readonly string[]): Promise<Moves> {
  const simulator = createEdgeSimulator({
    locations: ['AMS'],
    consistency: 'strong',
  })
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const time = { now: clock.now, timers: clock }
  const options = { ...time, authority: memoryFlagAuthority({ kv, ...time }) }
  return clock.run(async () => {
    const flags = new FeatureFlags(kv, options)
    const upgraded = new FeatureFlags(kv, {
      ...options,
      algorithms: [
        { ...sha256Bucketing, version: 2, toShare: murmur3Bucketing.toShare },
        murmur3Bucketing,
      ],
    })
    await flags.setFlag(name, { enabled: true, percentage })
    await flags.ready()
    const before = decide(flags, name)
    const isInBefore = new Set(ids.filter(before))
    // Written once more by the newer version, which leaves what it does not know better as it is.
    await upgraded.updateFlag(name, (current) => current)
    const movedByUpgrade = countMoved(ids, [(id) => isInBefore.has(id), decide(upgraded, name)])
    await flags.renameFlag(name, newName)
    const movedByRename = countMoved(ids, [(id) => isInBefore.has(id), decide(flags, newName)])
    return { renamed: movedByRename, upgraded: movedByUpgrade }
  })
}

/** flagd's flag, defined under another key. */
export function countFlagdMoves(ids: readonly string[]): Moves {
  const open = (key: string): IsIn => {
    const core = new FlagdCore()
    const flag = {
      state: 'ENABLED',
      variants: { on: true, off: false },
      defaultVariant: 'off',
      targeting: {
        fractional: [
          ['on', percentage],
          ['off', 100 - percentage],
        ],
      },
    }
    core.setConfigurations(JSON.stringify({ flags: { [key]: flag } }))
    return (targetingKey) => core.resolveBooleanEvaluation(key, false, { targetingKey }).value
  }
  return { renamed: countMoved(ids, [open(name), open(newName)]), upgraded: null }
}

/** GrowthBook's feature, defined under another key, and with the newer version of its hash. */
export function countGrowthBookMoves(ids: readonly string[]): Moves {
  const open = (key: string, hashVersion: number): IsIn => {
    const rule = { force: true, coverage: percentage / 100, hashAttribute: 'id', hashVersion }
    const feature: FeatureDefinition = { defaultValue: false, rules: [rule] }
    const client = new GrowthBookClient().initSync({ payload: { features: { [key]: feature } } })
    return (id) => client.evalFeature(key, { attributes: { id } }).value === true
  }
  return {
    renamed: countMoved(ids, [open(name, 2), open(newName, 2)]),
    upgraded: countMoved(ids, [open(name, 1), open(name, 2)]),
  }
}

function countMoved(ids: readonly string[], [before, after]: readonly [IsIn, IsIn]): number {
  let moved = 0
  for (const id of ids) if (before(id) !== after(id)) moved++
  return moved
}

function decide(flags: FlagReader, flag: string): IsIn {
  return (userId) => flags.evaluate(flag, { userId }, false).value
}
