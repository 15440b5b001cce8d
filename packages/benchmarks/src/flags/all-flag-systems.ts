import type { FlagSystem } from './flag-system.ts'
import { createCodexFlags } from './systems/codex.ts'
import { growthBookCache, growthBookPayload } from './systems/growthbook.ts'
import { createLaunchDarkly } from './systems/launchdarkly.ts'
import { createOneKeyPerFlag } from './systems/one-key-per-flag.ts'

/** On for everybody. It is the one that is strict, where one is. */
export const strictFlag = 'flag-04'

export const ourFlagSystems = {
  edge: createCodexFlags(),
  strict5: createCodexFlags({ strict: { flag: strictFlag, withinSeconds: 5 } }),
  strict60: createCodexFlags({ strict: { flag: strictFlag, withinSeconds: 60 } }),
} as const

export const otherFlagSystems: readonly FlagSystem[] = [
  createOneKeyPerFlag(),
  createOneKeyPerFlag({ memorySeconds: 60 }),
  createLaunchDarkly(),
  createLaunchDarkly({ isAllAtOnce: true }),
  createLaunchDarkly({ cacheSeconds: 60 }),
  growthBookPayload,
  growthBookCache,
]

/** Ours where the faults are: also without an authority, and with a flag that is off while nobody can confirm it. */
export const ourFlagSystemsInTrouble = {
  kvAlone: createCodexFlags({ isKVAlone: true }),
  edge: ourFlagSystems.edge,
  strict: ourFlagSystems.strict5,
  closed: createCodexFlags({ strict: { flag: strictFlag, withinSeconds: 5, isClosed: true } }),
} as const
