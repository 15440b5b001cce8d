import type { BucketingAlgorithm } from '../../src/lib/feature-flags/bucketing.ts'
import type { FlagDefinition, FlagSegment } from '../../src/lib/feature-flags/flag-definition.ts'
import type { FlagReaderOptions } from '../../src/lib/feature-flags/flag-options.ts'
import { FlagReader } from '../../src/lib/feature-flags/flag-reader.ts'
import type { FlagRuleset, StoredFlag } from '../../src/lib/feature-flags/flag-ruleset.ts'
import { murmur3Bucketing } from '../../src/lib/feature-flags/murmur3-bucketing.ts'
import { createEdgeSimulator, type EdgeSimulator } from '../../src/lib/testing/edge-simulator.ts'
import type { KVFault } from '../../src/lib/testing/fault.ts'
import type { VirtualClock } from '../../src/lib/testing/virtual-clock.ts'

/** An isolate that reads flags from KV, at a time that the test moves. */
export interface PublishedFlags {
  readonly simulator: EdgeSimulator
  readonly clock: VirtualClock
  readonly reader: FlagReader
  /** Puts a ruleset of the next version to KV. */
  publish(
    flags: Readonly<Record<string, FlagDefinition>>,
    segments?: Readonly<Record<string, FlagSegment>>,
  ): Promise<void>
  /** @returns Ends it. */
  injectFault(fault: KVFault): () => void
}

const algorithms: readonly BucketingAlgorithm[] = [murmur3Bucketing]

export function createPublishedFlags(options: FlagReaderOptions = {}): PublishedFlags {
  const simulator = createEdgeSimulator({ locations: ['AMS'], consistency: 'strong' })
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const reader = new FlagReader(kv, {
    now: clock.now,
    timers: clock,
    algorithms,
    onEvent: () => undefined,
    ...options,
  })
  let version = 0
  let published: FlagRuleset['flags'] = {}
  return {
    simulator,
    clock,
    reader,
    publish: async (flags, segments) => {
      // KV takes one write of a key in a second.
      await clock.advance(1000)
      version++
      const ruleset = toRuleset(flags, segments, version)
      const kept = Object.entries(ruleset.flags).map(([name, flag]): [string, StoredFlag] => {
        const before = published[name]
        const isSame = JSON.stringify({ ...before, version }) === JSON.stringify(flag)
        return [name, isSame && before ? before : flag]
      })
      published = Object.fromEntries(kept)
      await kv.put('flags:default', JSON.stringify({ ...ruleset, flags: published }))
    },
    injectFault: (fault) => simulator.injectFault(fault),
  }
}

export function toRuleset(
  flags: Readonly<Record<string, FlagDefinition>>,
  segments: Readonly<Record<string, FlagSegment>> = {},
  version = 1,
): FlagRuleset {
  const stored = Object.entries(flags).map(([name, flag]) => [name, { ...flag, version }] as const)
  return { format: 1, version, changedAtMs: 0, flags: Object.fromEntries(stored), segments }
}
