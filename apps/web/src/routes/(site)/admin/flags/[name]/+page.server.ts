import { error, redirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { SignedInUser } from '@codex/auth'
import type { FlagRuleset } from '@codex/cloudflare-clients/feature-flags'
import { createPreview } from '$lib/server/flags/create-preview.ts'
import { describeHistory } from '$lib/server/flags/describe-history.ts'
import {
  readVersion,
  refuseEdit,
  toEditAnswer,
  toHistoryAnswer,
} from '$lib/server/flags/flag-answer.ts'
import {
  changeFlag,
  readFlagHistory,
  readFlagsPage,
  renameFlag,
  revertFlag,
} from '$lib/server/flags/flag-desk.ts'
import {
  readFlagForm,
  toFlagDefinition,
  toFlagForm,
  toFlagFormErrors,
} from '$lib/server/flags/flag-form.ts'
import { findFlag } from '$lib/server/flags/flag-summary.ts'
import { isSiteFlag } from '$lib/server/flags/site-ruleset.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { requireOwner } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

/** Lists of thousands of user ids fit. */
const maxFormBytes = 1024 * 1024

const roles: readonly (SignedInUser['role'] | 'visitor')[] = [
  'visitor',
  'customer',
  'creator',
  'owner',
]

export const load: PageServerLoad = async (event) => {
  requireOwner(event)
  const { name } = event.params
  const { app } = event.locals
  const { ruleset, problem } = await readFlagsPage(app.flags)
  const flag = findFlag(ruleset, name)
  const history = await readFlagHistory(app.flags, name)
  // What was deleted has a history still, and is brought back from it.
  if (!flag && !history?.length) error(404, { message: 'There is no such flag.' })
  return {
    name,
    stored: flag !== null && flag.version > 0,
    version: flag?.version ?? 0,
    values: toFlagForm(flag ?? { enabled: false }),
    deleted: flag === null,
    usedHere: isSiteFlag(name),
    problem,
    history: history && (await describeHistory(app, history)),
    hasAuthority: app.flags.hasAuthority,
    trial: await tryFlag(event, name, ruleset),
    roles,
  }
}

export const actions: Actions = {
  save: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request, { maxBytes: maxFormBytes })
    const values = readFlagForm(form)
    const reason = textField(form, 'reason').trim()
    const read = toFlagDefinition(values)
    if (!read.ok) return refuseEdit(values, reason, read.errors)
    const answer = await changeFlag(event.locals.app.flags, {
      name: event.params.name,
      author: owner.id,
      reason,
      ifVersion: readVersion(form),
      done: 'Saved.',
      change: () => read.definition,
    })
    return toEditAnswer(answer, values, reason, toFlagFormErrors)
  },

  delete: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const { name } = event.params
    const answer = await changeFlag(event.locals.app.flags, {
      name,
      author: owner.id,
      reason: textField(form, 'reason').trim(),
      ifVersion: readVersion(form),
      done: '',
      change: () => 'delete',
    })
    if (answer.failed) return toHistoryAnswer(answer)
    redirect(303, `/admin/flags?removed=${encodeURIComponent(name)}`)
  },

  rename: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const to = textField(form, 'to').trim()
    const answer = await renameFlag(event.locals.app.flags, {
      name: event.params.name,
      to,
      author: owner.id,
      reason: textField(form, 'reason').trim(),
    })
    if (answer.failed) return toHistoryAnswer(answer)
    redirect(303, `/admin/flags/${encodeURIComponent(to)}`)
  },

  revert: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const answer = await revertFlag(event.locals.app.flags, {
      name: event.params.name,
      author: owner.id,
      reason: textField(form, 'reason').trim(),
      ifVersion: readVersion(form),
      toVersion: readVersion(form, 'toVersion'),
    })
    return toHistoryAnswer(answer)
  },
}

async function tryFlag(
  { url: { searchParams } }: RequestEvent,
  name: string,
  ruleset: FlagRuleset,
) {
  const role = searchParams.get('role')
  if (role === null) return null
  const userId = (searchParams.get('userId') ?? '').trim()
  const preview = await createPreview(ruleset)
  const context = { ...(userId !== '' && { userId }), attributes: { role } }
  const answer = preview.evaluate(name, context, null as never)
  const { value, variant, reason, decision, rule, flagVersion, error: fault } = answer
  return {
    userId,
    role,
    value: JSON.stringify(value),
    variant: variant ?? null,
    reason,
    decision: decision ?? null,
    rule: rule ?? null,
    flagVersion,
    fault: fault ? `${fault.code}: ${fault.message}` : null,
  }
}
