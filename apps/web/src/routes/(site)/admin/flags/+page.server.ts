import { fail, redirect } from '@sveltejs/kit'
import { toFaultLines } from '$lib/server/flags/flag-answer.ts'
import { changeFlag, readFlagsPage } from '$lib/server/flags/flag-desk.ts'
import type { FlagDeskAnswer } from '$lib/server/flags/flag-desk.ts'
import { findFlag, listFlags, listSegments } from '$lib/server/flags/flag-summary.ts'
import { isNewFlagType, newFlagTypes } from '$lib/server/flags/new-flag.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { requireOwner } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  requireOwner(event)
  const { ruleset, problem } = await readFlagsPage(event.locals.app.flags)
  return {
    flags: listFlags(ruleset),
    segments: listSegments(ruleset),
    version: ruleset.version,
    changedAt: ruleset.version === 0 ? null : new Date(ruleset.changedAtMs),
    problem,
    removed: event.url.searchParams.get('removed'),
    removedKind: event.url.searchParams.get('kind') === 'segment' ? 'segment' : 'flag',
    types: Object.keys(newFlagTypes),
  }
}

export const actions: Actions = {
  /** Enables or disables a flag and leaves all else as it is. */
  switch: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const name = textField(form, 'name')
    const enabled = textField(form, 'enabled') === 'true'
    const answer = await changeFlag(event.locals.app.flags, {
      name,
      author: owner.id,
      reason: enabled ? 'Enabled in the list' : 'Disabled in the list',
      ifVersion: Number(textField(form, 'version') || Number.NaN),
      done: `“${name}” is ${enabled ? 'enabled' : 'disabled'}.`,
      change: (ruleset) => {
        const flag = findFlag(ruleset, name)
        if (!flag) return null
        const { version: _, ...definition } = flag
        return { ...definition, enabled }
      },
    })
    return toAnswer(answer, 'list')
  },

  create: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const name = textField(form, 'name').trim()
    const type = textField(form, 'type')
    const answer = await changeFlag(event.locals.app.flags, {
      name,
      author: owner.id,
      reason: 'Created',
      ifVersion: 0,
      done: '',
      change: () => (isNewFlagType(type) ? newFlagTypes[type] : null),
    })
    if (answer.failed) return toAnswer(answer, 'create', { name, type })
    redirect(303, `/admin/flags/${encodeURIComponent(name)}`)
  },

  /** Opens the page of a segment that is not there yet: without a condition it cannot be stored. */
  segment: async (event) => {
    requireOwner(event)
    const name = textField(await readForm(event.request), 'name').trim()
    if (name === '')
      return fail(400, {
        ...nothingTyped,
        about: 'segment',
        failed: true,
        message: 'Give it a name.',
      } as const)
    redirect(303, `/admin/segments/${encodeURIComponent(name)}`)
  },
}

const nothingTyped = { faults: [], typed: { name: '', type: '' } }

function toAnswer(
  { status, failed, message, faults }: FlagDeskAnswer,
  about: 'list' | 'create',
  typed: { readonly name: string; readonly type: string } = nothingTyped.typed,
) {
  const answer = { about, failed, message, faults: toFaultLines(faults), typed }
  return failed ? fail(status, answer) : answer
}
