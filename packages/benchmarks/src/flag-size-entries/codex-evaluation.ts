import { compileRuleset } from '@codex/cloudflare-clients/flag-evaluation'
import type { Check } from './check.ts'

/** Evaluation alone, of a ruleset that is read by the least there can be. */
export function createCheck(kv: KVNamespace): Check {
  return async (flag, userId) => {
    const stored = await kv.get('flags:default', 'json')
    const ruleset = compileRuleset(stored ?? { format: 1, version: 0, flags: {} })
    return ruleset.evaluate(flag, { userId }, false, Date.now()).value === true
  }
}
