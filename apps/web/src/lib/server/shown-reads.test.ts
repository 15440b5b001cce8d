import type { UserRole } from '@codex/cloudflare-clients'
import { expect, it } from 'vitest'
import { shownReads } from './shown-reads.ts'

const read = { name: 'item', status: 'hit', tier: 'kv', ageMs: 5, durationMs: 3 } as const

function locals(development: boolean, role: UserRole | null) {
  const session = role && { session: {}, user: { id: 'lin', role } }
  return { app: { development }, session, cacheReads: [read] } as unknown as Parameters<
    typeof shownReads
  >[0]
}

it.each([
  [true, null],
  [true, 'customer'],
  [false, 'owner'],
] as const)('are shown with development %s to %s', (development, role) => {
  const { durationMs: _durationMs, ...shown } = read
  expect(shownReads(locals(development, role))).toEqual([{ ...shown, reads: 1 }])
})

it.each([null, 'customer', 'creator'] as const)('are not shown in production to %s', (role) => {
  expect(shownReads(locals(false, role))).toBeNull()
})
