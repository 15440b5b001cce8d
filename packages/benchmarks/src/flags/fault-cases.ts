import type { KVFault } from '@codex/cloudflare-clients/testing'
import type { FlagStage } from './flag-stage.ts'

/** Something that goes wrong while an isolate is asked for a flag that is on, by callers whose default is off. */
export interface FaultCase {
  readonly name: string
  /** `new`: it has answered nothing yet. `old`: it last looked ten minutes ago. */
  readonly isolate: 'new' | 'old'
  /** Who is of no use. */
  readonly cuts: readonly ('kv' | 'authority')[]
  /** Whether KV has lost all of it. Default false. */
  readonly isGone?: boolean
  /** Whether the flag was switched off before, so that on is what it was once. Default false. */
  readonly isSwitchedOff?: boolean
  /** @returns Ends it. */
  begin(stage: FlagStage, earlier: ReadonlyMap<string, string>): () => void
}

const always = (fault: KVFault): FaultCase['begin'] => {
  return ({ simulator }) => simulator.injectFault({ operations: ['read'], ...fault })
}

const kvDown = always({ type: 'error', status: 500 })
const kvSlow = always({ type: 'slow', delayMs: 5000 })
const kvGarbage = always({ type: 'corrupt', replacement: '{"format":' })

/** The first read alone. */
const kvDownOnce: FaultCase['begin'] = ({ simulator }) => {
  let isFirst = true
  return simulator.injectFault({
    type: 'error',
    operations: ['read'],
    keys: () => {
      const strikes = isFirst
      isFirst = false
      return strikes
    },
  })
}

/** Each key has the value that it had before the flag was switched off. */
const kvOlder: FaultCase['begin'] = ({ simulator }, earlier) => {
  const ends = [...earlier].map(([key, replacement]) =>
    simulator.injectFault({
      type: 'corrupt',
      operations: ['read'],
      keys: (read) => read === key,
      replacement,
    }),
  )
  return () => {
    for (const end of ends) end()
  }
}

const authorityIs = (state: FlagStage['authorityState']): FaultCase['begin'] => {
  return (stage) => {
    stage.authorityState = state
    return () => {
      stage.authorityState = 'up'
    }
  }
}

const authorityDown = authorityIs('down')
const authoritySlow = authorityIs('slow')
const nothing: FaultCase['begin'] = () => () => undefined

export const faultCases: readonly FaultCase[] = [
  { name: 'nothing, new isolate', isolate: 'new', cuts: [], begin: nothing },
  { name: 'KV throws once, new isolate', isolate: 'new', cuts: ['kv'], begin: kvDownOnce },
  { name: 'KV throws, new isolate', isolate: 'new', cuts: ['kv'], begin: kvDown },
  { name: 'KV takes 5 s, new isolate', isolate: 'new', cuts: ['kv'], begin: kvSlow },
  { name: 'garbage, new isolate', isolate: 'new', cuts: ['kv'], begin: kvGarbage },
  {
    name: 'authority down, new isolate',
    isolate: 'new',
    cuts: ['authority'],
    begin: authorityDown,
  },
  { name: 'KV throws once, 10 minutes later', isolate: 'old', cuts: ['kv'], begin: kvDownOnce },
  { name: 'KV throws, 10 minutes later', isolate: 'old', cuts: ['kv'], begin: kvDown },
  { name: 'KV takes 5 s, 10 minutes later', isolate: 'old', cuts: ['kv'], begin: kvSlow },
  { name: 'garbage, 10 minutes later', isolate: 'old', cuts: ['kv'], begin: kvGarbage },
  {
    name: 'older version, switched off before',
    isolate: 'old',
    isSwitchedOff: true,
    cuts: [],
    begin: kvOlder,
  },
  {
    name: 'authority down, 10 minutes later',
    isolate: 'old',
    cuts: ['authority'],
    begin: authorityDown,
  },
  {
    name: 'authority takes 5 s, 10 minutes later',
    isolate: 'old',
    cuts: ['authority'],
    begin: authoritySlow,
  },
  {
    name: 'KV has lost it, 10 minutes later',
    isolate: 'old',
    isGone: true,
    cuts: ['kv'],
    begin: nothing,
  },
  {
    name: 'all of it down, 10 minutes later',
    isolate: 'old',
    cuts: ['kv', 'authority'],
    begin: allDown,
  },
]

function allDown(stage: FlagStage, earlier: ReadonlyMap<string, string>): () => void {
  const ends = [kvDown(stage, earlier), authorityDown(stage, earlier)]
  return () => {
    for (const end of ends) end()
  }
}
