import { runHandMutants } from '../hand-mutants/run-hand-mutants.ts'
import { flagMutants } from './flag-mutants.ts'

/**
 * Breaks the authority of flags and its publishing in one way at a time, and sees whether the fuzz finds it:
 * `pnpm --filter @codex/cloudflare-clients mutate:flags [part of a name]`. Fails where one is not found.
 */
runHandMutants({
  mutants: flagMutants,
  folder: 'src/lib/feature-flags',
  copied: ['src/lib/kv', 'test/flag-fuzz', 'test/flag-mutants'],
  script: 'test/flag-mutants/find-violation.ts',
  toArgs: () => [400],
})
