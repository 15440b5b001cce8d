import type { SessionSystem, ViewFreshness } from '@codex/cloudflare-clients/testing'
import type { StageCounts } from './session-stage.ts'
import { createBetterAuthSystem } from './systems/better-auth.ts'
import { type CodexOptions, createCodexSystem, nameOfOurs } from './systems/codex.ts'
import { plainKv } from './systems/plain-kv.ts'
import { unstorageSessions } from './systems/unstorage.ts'

export interface SessionContestant {
  /** The name in the tables. */
  readonly id: string
  /** What its views ask for, for ours. */
  readonly freshness: ViewFreshness
  /** Opens it with counts of its own. */
  create(counts: StageCounts): SessionSystem
  /** Within how many seconds a revocation is seen everywhere. `null`: nothing is promised. */
  readonly boundSeconds: number | null
}

function createOurs(options: CodexOptions, boundSeconds: number): SessionContestant {
  return {
    id: nameOfOurs(options),
    freshness: options.freshness,
    boundSeconds,
    create: (counts) =>
      createCodexSystem({
        ...options,
        onRowWritten: () => {
          counts.rowsWritten++
        },
      }),
  }
}

function createOther(id: string, create: SessionContestant['create']): SessionContestant {
  return { id, freshness: 'strict', boundSeconds: null, create }
}

export const ours = {
  strict: createOurs({ freshness: 'strict' }, 0),
  bounded: createOurs({ freshness: 'bounded' }, 60),
  edge: createOurs({ freshness: 'edge' }, 3600),
} as const

export const ourContestants: readonly SessionContestant[] = Object.values(ours)

/** Without what makes the first request elsewhere good where KV alone is asked. */
export const withoutSealedCopies: readonly SessionContestant[] = [
  createOurs({ freshness: 'bounded', hasSealedCopies: false }, 60),
  createOurs({ freshness: 'edge', hasSealedCopies: false }, 3600),
]

export const otherContestants: readonly SessionContestant[] = [
  ...[false, true].map((hasCookieCache) =>
    createOther(createBetterAuthSystem({ hasCookieCache }).name, (counts) =>
      createBetterAuthSystem({
        hasCookieCache,
        onQuery: () => {
          counts.queries++
        },
      }),
    ),
  ),
  createOther(plainKv.name, () => plainKv),
  createOther(unstorageSessions.name, () => unstorageSessions),
]

export const allContestants: readonly SessionContestant[] = [...ourContestants, ...otherContestants]
