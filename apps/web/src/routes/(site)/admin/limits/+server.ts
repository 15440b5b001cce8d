import { json } from '@sveltejs/kit'
import { viewDecisions } from '$lib/server/limits/decisions-view.ts'
import type { DecisionsView } from '$lib/server/limits/decisions-view.ts'
import { kindOfIdentifier } from '$lib/server/limits/limit-identifiers.ts'
import { readLimitLines } from '$lib/server/limits/limit-lookup.ts'
import type { CountedIdentifiers, LimitLines } from '$lib/server/limits/limit-lookup.ts'
import { requireOwner } from '$lib/server/require-user.ts'
import type { RequestHandler } from './$types'

/** What the owner's page shows anew every few seconds. */
export interface LiveLimits {
  readonly decisions: DecisionsView
  /** `null` when nobody was asked for. */
  readonly limits: LimitLines | null
}

/** This isolate's decisions, and the limits of `?of=`: identifiers as the page was given them, never an address or a mail. */
export const GET: RequestHandler = async (event) => {
  requireOwner(event)
  const { limits } = event.locals.app
  const identifiers: CountedIdentifiers = Object.fromEntries(
    event.url.searchParams.getAll('of').flatMap((identifier) => {
      const kind = kindOfIdentifier(identifier)
      return kind === null ? [] : [[kind, identifier]]
    }),
  )
  const live: LiveLimits = {
    decisions: viewDecisions(limits.decisions),
    limits:
      Object.keys(identifiers).length === 0 ? null : await readLimitLines(limits, identifiers),
  }
  return json(live)
}
