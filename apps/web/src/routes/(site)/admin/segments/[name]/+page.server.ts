import { redirect } from '@sveltejs/kit'
import { describeHistory } from '$lib/server/flags/describe-history.ts'
import {
  readVersion,
  refuseEdit,
  toEditAnswer,
  toHistoryAnswer,
} from '$lib/server/flags/flag-answer.ts'
import { changeSegment, readFlagHistory, readFlagsPage } from '$lib/server/flags/flag-desk.ts'
import { findSegment, listSegments } from '$lib/server/flags/flag-summary.ts'
import {
  readSegmentForm,
  toSegment,
  toSegmentForm,
  toSegmentFormErrors,
} from '$lib/server/flags/segment-form.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { requireOwner } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

/** What a segment that is not there yet begins as: its shape, to be changed. */
const example = { when: { attribute: 'role', op: 'in', value: ['creator', 'owner'] } } as const

/** A name that there is no segment of yet is as good: saving makes it. */
export const load: PageServerLoad = async (event) => {
  requireOwner(event)
  const { name } = event.params
  const { app } = event.locals
  const { ruleset, problem } = await readFlagsPage(app.flags)
  const segment = findSegment(ruleset, name)
  const history = await readFlagHistory(app.flags, name, 'segment')
  return {
    name,
    version: segment?.version ?? 0,
    values: toSegmentForm(segment ?? example),
    absent: segment === null,
    usedBy: listSegments(ruleset).find((one) => one.name === name)?.usedBy ?? [],
    problem,
    history: history && (await describeHistory(app, history)),
    hasAuthority: app.flags.hasAuthority,
  }
}

export const actions: Actions = {
  save: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const values = readSegmentForm(form)
    const reason = textField(form, 'reason').trim()
    const read = toSegment(values)
    if (!read.ok) return refuseEdit(values, reason, read.errors)
    const answer = await changeSegment(event.locals.app.flags, {
      name: event.params.name,
      author: owner.id,
      reason,
      ifVersion: readVersion(form),
      done: 'Saved.',
      next: read.segment,
    })
    return toEditAnswer(answer, values, reason, toSegmentFormErrors)
  },

  delete: async (event) => {
    const owner = requireOwner(event)
    const form = await readForm(event.request)
    const { name } = event.params
    const answer = await changeSegment(event.locals.app.flags, {
      name,
      author: owner.id,
      reason: '',
      ifVersion: readVersion(form),
      done: '',
      next: null,
    })
    if (answer.failed) return toHistoryAnswer(answer)
    redirect(303, `/admin/flags?kind=segment&removed=${encodeURIComponent(name)}`)
  },
}
