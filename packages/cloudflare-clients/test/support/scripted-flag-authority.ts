import type {
  FlagAuthorityCalls,
  FlagAuthorityNamespace,
  FlagRuleset,
} from '../../src/feature-flags.ts'
import { sleep, type Timers } from '../../src/lib/shared/timers.ts'

/** An authority that is up, down or slow as a test says, and answers with the ruleset that the test put there. */
export class ScriptedFlagAuthority implements FlagAuthorityNamespace {
  ruleset: FlagRuleset
  state: 'up' | 'down' | 'slow' = 'up'
  /** How many times it was asked. */
  calls = 0
  /** Of each call: the version that the reader said it knows. */
  readonly knownVersions: (number | undefined)[] = []
  readonly #timers: Timers
  readonly #slowMs: number

  constructor(ruleset: FlagRuleset, timers: Timers, slowMs = 5000) {
    this.ruleset = ruleset
    this.#timers = timers
    this.#slowMs = slowMs
  }

  getByName(): FlagAuthorityCalls {
    return {
      getRuleset: async (knownVersion) => {
        this.calls++
        this.knownVersions.push(knownVersion)
        if (this.state === 'down') throw new Error('The object is not there')
        const { version } = this.ruleset
        const reply = knownVersion === version ? { version } : { version, ruleset: this.ruleset }
        if (this.state === 'slow') await sleep(this.#slowMs, this.#timers)
        return structuredClone(reply)
      },
      change: refuse,
      changeAll: refuse,
      getHistory: () => [],
    }
  }
}

function refuse(): never {
  throw new Error('Nothing here writes')
}
