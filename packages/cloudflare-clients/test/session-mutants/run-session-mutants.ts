import { runHandMutants } from '../hand-mutants/run-hand-mutants.ts'
import { sessionMutants } from './session-mutants.ts'

/**
 * Breaks sessions in one way at a time, and sees whether the fuzz finds it:
 * `pnpm --filter @codex/cloudflare-clients mutate:sessions [part of a name]`. Fails where one is not found.
 */
runHandMutants({
  mutants: sessionMutants.map(({ name, ...change }) => ({ name, changes: [change] })),
  folder: 'src/lib/session',
  copied: ['src/lib/kv', 'test/session-fuzz', 'test/session-mutants'],
  script: 'test/session-mutants/find-violation.ts',
  toArgs: () => [4000],
})
