import { runHandMutants } from '../hand-mutants/run-hand-mutants.ts'
import { limitMutants } from './limit-mutants.ts'

const runs = 3000
const backendRuns = 300
/** Only the fuzz of the backend uses it. */
const backendFile = 'lease-backend.ts'

/**
 * Breaks the limiter in one way at a time, and sees whether the safety fuzz or a targeted case finds it:
 * `pnpm --filter @codex/cloudflare-clients mutate:limits [part of a name]`. Fails where one is not found.
 */
runHandMutants({
  mutants: limitMutants,
  folder: 'src/lib/rate-limiter',
  copied: ['test/limit-fuzz', 'test/limit-mutants'],
  script: 'test/limit-mutants/find-violation.ts',
  toArgs: ({ changes }) => [
    changes.every(({ file }) => file === backendFile) ? 0 : runs,
    backendRuns,
  ],
})
