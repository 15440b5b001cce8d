import type { Database } from '@codex/database'
import { canonicalEmail } from '../canonical-email.ts'
import { describeError, log } from '../log.ts'
import { enforcedPolicies, maxOverride, policyNames } from './enforced-policies.ts'
import type { IdentifierKind, PolicyName } from './enforced-policies.ts'
import { kindOfIdentifier } from './limit-identifiers.ts'
import type { LimitIdentifiers } from './limit-identifiers.ts'
import type { LimitKey, RateLimits } from './rate-limits.ts'

/** What of a site's app a look-up asks. */
export interface LookupSources {
  readonly limits: RateLimits
  readonly database: Database
}

/** Somebody as the limits count them: a person by account and by user, a network by its address. */
export type CountedIdentifiers = Readonly<Partial<Record<IdentifierKind, string>>>

/** One limit of somebody, as it is now. Times are seconds from now, so that they read the same in every clock. */
export interface LimitLine {
  readonly policy: PolicyName
  readonly countedBy: IdentifierKind
  readonly limit: number
  readonly used: number
  readonly remaining: number
  readonly resetInSeconds: number
  readonly blockedForSeconds: number | null
  readonly override: { readonly limit: number; readonly secondsLeft: number | null } | null
  readonly windowMinutes: number
  readonly maxOverride: number
}

/** The limits of somebody, or why they are not known. */
export interface LimitLines {
  readonly lines: readonly LimitLine[]
  readonly problem: string | null
}

/**
 * Finds whom an owner means: by e-mail, network address, user's id, or an identifier out of the list of denials. With a
 * person come both identifiers, because some limits count the account and some the user.
 *
 * @returns `null` when it is nobody. An e-mail address is somebody without an account too: attempts at it are counted.
 */
export async function findCounted(
  text: string,
  { limits, database }: LookupSources,
): Promise<CountedIdentifiers | null> {
  const { identifiers } = limits
  const kind = kindOfIdentifier(text)
  if (kind !== null) return { [kind]: text }
  if (text.includes('@')) {
    const email = canonicalEmail(text)
    const user = await findUser(database, { email })
    const account = await identifiers.of({ email })
    return { account, ...(user && { user: await identifiers.of({ userId: user.id }) }) }
  }
  const address = await identifiers.ofTypedAddress(text)
  if (address !== null) return { address }
  const user = await findUser(database, { id: text })
  return user && toPerson(identifiers, user)
}

/** The count that a policy keeps of somebody. `null` where it keeps none, as a limit by address of a person. */
export function keyOf(policy: PolicyName, counted: CountedIdentifiers): LimitKey | null {
  const kind = countedKind(policy, counted)
  const identifier = kind && counted[kind]
  return identifier ? { policy, identifier } : null
}

/** Reads every limit that counts somebody. Each is one request to the coordinator. */
export async function readLimitLines(
  limits: RateLimits,
  counted: CountedIdentifiers,
  { nowMs = Date.now() }: { nowMs?: number } = {},
): Promise<LimitLines> {
  if (!limits.canLookUp) {
    const problem = 'Limits are counted in KV here, which cannot be read. They can be reset only.'
    return { lines: [], problem }
  }
  try {
    const lines = await Promise.all(
      policyNames.map((policy) => readLine(limits, { policy, counted, nowMs })),
    )
    return { lines: lines.filter((line) => line !== null), problem: null }
  } catch (cause) {
    log('error', 'limits_not_read', { error: describeError(cause) })
    return { lines: [], problem: 'The coordinator did not answer. Try again in a moment.' }
  }
}

async function readLine(
  limits: RateLimits,
  {
    policy,
    counted,
    nowMs,
  }: {
    readonly policy: PolicyName
    readonly counted: CountedIdentifiers
    readonly nowMs: number
  },
): Promise<LimitLine | null> {
  const countedBy = countedKind(policy, counted)
  const key = keyOf(policy, counted)
  if (!countedBy || !key) return null
  const status = await limits.getStatus(key)
  const secondsUntil = (atMs: number): number => Math.max(0, Math.ceil((atMs - nowMs) / 1000))
  const { override, blockedUntil } = status
  return {
    policy,
    countedBy,
    limit: status.limit,
    used: status.used,
    remaining: status.remaining,
    resetInSeconds: secondsUntil(status.resetAt),
    blockedForSeconds: blockedUntil === undefined ? null : secondsUntil(blockedUntil),
    override: override
      ? {
          limit: override.limit,
          secondsLeft: override.expiresAt === undefined ? null : secondsUntil(override.expiresAt),
        }
      : null,
    windowMinutes: enforcedPolicies[policy].window / 60,
    maxOverride: maxOverride(policy),
  }
}

function countedKind(policy: PolicyName, counted: CountedIdentifiers): IdentifierKind | undefined {
  const kinds: readonly IdentifierKind[] = enforcedPolicies[policy].countedBy
  return kinds.find((kind) => counted[kind] !== undefined)
}

async function toPerson(
  identifiers: LimitIdentifiers,
  { id, email }: { readonly id: string; readonly email: string },
): Promise<CountedIdentifiers> {
  return {
    account: await identifiers.of({ email }),
    user: await identifiers.of({ userId: id }),
  }
}

async function findUser(
  database: Database,
  by: { readonly email: string } | { readonly id: string },
): Promise<{ id: string; email: string } | null> {
  const user = await database.query.users.findFirst({
    columns: { id: true, email: true },
    where: (users, { eq }) => ('email' in by ? eq(users.email, by.email) : eq(users.id, by.id)),
  })
  return user ?? null
}
