import { fail } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import { enforcedPolicies, isPolicy, maxOverride } from '$lib/server/limits/enforced-policies.ts'
import type { PolicyName } from '$lib/server/limits/enforced-policies.ts'
import { findCounted, keyOf, readLimitLines } from '$lib/server/limits/limit-lookup.ts'
import type { CountedIdentifiers, LimitLines } from '$lib/server/limits/limit-lookup.ts'
import type { LimitKey, RateLimits } from '$lib/server/limits/rate-limits.ts'
import { describeError, log } from '$lib/server/log.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { requireOwner } from '$lib/server/require-user.ts'

/** 30 days. */
const maxMinutes = 43_200

/** Somebody's limits, as the page shows them after an action. */
export interface ShownLimits extends LimitLines {
  /** As it was typed. */
  readonly who: string
  readonly identifiers: CountedIdentifiers
}

interface LimitActionResult {
  readonly about: 'limits'
  readonly failed: boolean
  readonly message: string
  /** What is wrong with the fields of the form of `policy`. */
  readonly errors: Readonly<Record<string, string>>
  readonly who: string
  readonly policy: string | null
  /** `null` where nobody was found. */
  readonly limits: ShownLimits | null
}

/** What a form of a limit asks for: the change, and what to say once it is made. Or what is wrong with its fields. */
type Change =
  | { readonly apply: (limits: RateLimits, key: LimitKey) => Promise<void>; readonly done: string }
  | { readonly errors: Readonly<Record<string, string>> }

/** Actions of the owner on the limits of somebody. Each shows these limits again, as they are then. */
export const limitActions = {
  lookUpLimits: async (event: RequestEvent) => {
    const { form, app } = await readOwnersForm(event)
    const who = textField(form, 'who').trim()
    const found = who === '' ? null : await findCounted(who, app)
    if (!found) return refuse({ who, message: nobody(who) })
    return { ...(await show(app.limits, { who, found })), message: '' }
  },

  resetLimit: (event: RequestEvent) =>
    change(event, (form, { policy }) => ({
      apply: (limits, key) => limits.reset(key),
      done: `The ${policy} limit of ${whoIn(form)} starts anew.`,
    })),

  blockLimit: (event: RequestEvent) =>
    change(event, (form, { policy }) => {
      const minutes = readWhole(textField(form, 'minutes'), maxMinutes)
      if (minutes === null) return { errors: { minutes: `From 1 to ${String(maxMinutes)}` } }
      return {
        apply: (limits, key) => limits.block(key, minutes * 60),
        done: `${whoIn(form)} is denied everything under ${policy} for ${String(minutes)} min.`,
      }
    }),

  unblockLimit: (event: RequestEvent) =>
    change(event, (form, { policy }) => ({
      apply: (limits, key) => limits.block(key, 0),
      done: `${whoIn(form)} is no longer blocked under ${policy}.`,
    })),

  overrideLimit: (event: RequestEvent) =>
    change(event, (form, { policy }) => {
      const highest = maxOverride(policy)
      const limit = readWhole(textField(form, 'limit'), highest)
      const minutesText = textField(form, 'minutes').trim()
      const minutes = minutesText === '' ? undefined : readWhole(minutesText, maxMinutes)
      if (limit === null || minutes === null) {
        return {
          errors: {
            ...(limit === null && { limit: `From 1 to ${String(highest)}` }),
            ...(minutes === null && {
              overrideMinutes: `From 1 to ${String(maxMinutes)}, or none`,
            }),
          },
        }
      }
      const until = minutes === undefined ? 'until you end it' : `for ${String(minutes)} min`
      return {
        apply: (limits, key) =>
          limits.override(key, {
            limit,
            ...(minutes !== undefined && { ttlSeconds: minutes * 60 }),
          }),
        done: `The ${policy} limit of ${whoIn(form)} is ${String(limit)} ${until}.`,
      }
    }),

  endOverride: (event: RequestEvent) =>
    change(event, (form, { policy }) => ({
      apply: (limits, key) => limits.override(key, null),
      done: `The ${policy} limit of ${whoIn(form)} is ${String(enforcedPolicies[policy].limit)} again.`,
    })),
}

async function change(
  event: RequestEvent,
  read: (form: FormData, context: { readonly policy: PolicyName }) => Change,
) {
  const { form, app, owner } = await readOwnersForm(event)
  const who = whoIn(form)
  const policy = textField(form, 'policy')
  if (!isPolicy(policy)) return refuse({ who, message: 'Choose one of the limits.' })
  const found = who === '' ? null : await findCounted(who, app)
  if (!found) return refuse({ who, message: nobody(who) })
  const key = keyOf(policy, found)
  if (!key) return refuse({ who, message: `The ${policy} limit does not count ${who}.` })

  const asked = read(form, { policy })
  if ('errors' in asked) {
    const shown = await show(app.limits, { who, found })
    return fail(400, {
      ...shown,
      failed: true,
      message: 'Nothing was changed. Look at what is marked.',
      errors: asked.errors,
      policy,
    })
  }
  try {
    await asked.apply(app.limits, key)
  } catch (cause) {
    log('error', 'limit_not_changed', { ...key, error: describeError(cause) })
    const message = app.limits.canLookUp
      ? 'The coordinator did not answer. Try again in a moment.'
      : 'Limits are counted in KV here, where they can be reset only.'
    return refuse({ who, message, status: 502 })
  }
  log('info', 'limit_changed', { ...key, action: event.url.search, ownerId: owner.id })
  return { ...(await show(app.limits, { who, found })), message: asked.done, policy }
}

async function readOwnersForm(event: RequestEvent) {
  const owner = requireOwner(event)
  return { owner, form: await readForm(event.request), app: event.locals.app }
}

async function show(
  limits: RateLimits,
  { who, found }: { readonly who: string; readonly found: CountedIdentifiers },
): Promise<LimitActionResult> {
  const shown = { who, identifiers: found, ...(await readLimitLines(limits, found)) }
  const result = { about: 'limits', failed: false, message: '', errors: {}, policy: null } as const
  return { ...result, who, limits: shown }
}

function refuse({
  who,
  message,
  status = 400,
}: {
  readonly who: string
  readonly message: string
  readonly status?: number
}) {
  const result: LimitActionResult = {
    about: 'limits',
    failed: true,
    message,
    errors: {},
    who,
    policy: null,
    limits: null,
  }
  return fail(status, { ...result })
}

function nobody(who: string): string {
  return who === ''
    ? 'Say whose limits: an e-mail, a network address or a user id.'
    : 'Nobody has that e-mail, network address or user id.'
}

function whoIn(form: FormData): string {
  return textField(form, 'who').trim()
}

/** A whole number from 1 to `max`. */
function readWhole(text: string, max: number): number | null {
  const number = /^\d{1,6}$/.test(text.trim()) ? Number(text) : 0
  return number >= 1 && number <= max ? number : null
}
