import { error, fail, redirect } from '@sveltejs/kit'
import type { ActionFailure, RequestEvent } from '@sveltejs/kit'
import type { SignedInUser } from '@codex/auth'
import type { FlagChange, FlagRuleset } from '@codex/cloudflare-clients/feature-flags'
import { createPreview } from '$lib/server/flags/create-preview.ts'
import {
  changeFlag,
  readFlagHistory,
  readFlagsPage,
  revertFlag,
} from '$lib/server/flags/flag-desk.ts'
import type { FlagDeskAnswer } from '$lib/server/flags/flag-desk.ts'
import {
  type FlagFormErrors,
  readFlagForm,
  toFlagDefinition,
  toFlagForm,
  toFlagFormErrors,
} from '$lib/server/flags/flag-form.ts'
import type { FlagFormValues } from '$lib/server/flags/flag-form.ts'
import { changedFields, findFlag } from '$lib/server/flags/flag-summary.ts'
import { isSiteFlag } from '$lib/server/flags/site-ruleset.ts'
import { describeError, log } from '$lib/server/log.ts'
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

/** What the page shows after one of its forms was sent. */
interface FlagAnswer {
  readonly about: 'flag' | 'history'
  readonly failed: boolean
  readonly message: string
  /** As it was typed, where it was refused. */
  readonly values: FlagFormValues | null
  readonly reason: string
  readonly errors: FlagFormErrors
  /** Where somebody else was quicker: the flag as it is now, as JSON, and the version to save over. */
  readonly theirs: { readonly json: string | null; readonly version: number } | null
}

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
    history: history && (await describeHistory(event, history)),
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
    if (!read.ok) {
      const message = 'Nothing was saved. Look at what is marked.'
      return fail(400, {
        ...plain('flag'),
        failed: true,
        message,
        values,
        reason,
        errors: read.errors,
      })
    }
    const answer = await changeFlag(event.locals.app.flags, {
      name: event.params.name,
      author: owner.id,
      reason,
      ifVersion: readVersion(form),
      done: 'Saved.',
      change: () => read.definition,
    })
    return toAnswer(answer, { about: 'flag', values, reason })
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
    if (answer.failed) return toAnswer(answer, { about: 'history' })
    redirect(303, `/admin/flags?removed=${encodeURIComponent(name)}`)
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
    return toAnswer(answer, { about: 'history' })
  },
}

function plain(about: FlagAnswer['about']): FlagAnswer {
  return { about, failed: false, message: '', values: null, reason: '', errors: {}, theirs: null }
}

function toAnswer(
  { status, failed, message, faults, theirs }: FlagDeskAnswer,
  { about, values = null, reason = '' }: Pick<FlagAnswer, 'about'> & Partial<FlagAnswer>,
): FlagAnswer | ActionFailure<FlagAnswer> {
  if (!failed) return { ...plain(about), message }
  return fail(status, {
    about,
    failed,
    message,
    values,
    reason,
    errors: toFlagFormErrors(faults),
    theirs: theirs && {
      json: theirs.flag && JSON.stringify({ ...theirs.flag, version: undefined }, null, 2),
      version: theirs.flag?.version ?? 0,
    },
  })
}

/** `NaN` for what is none. */
function readVersion(form: FormData, name = 'version'): number {
  const text = textField(form, name)
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

/** The history with the names of who made it, and what each change was about. */
async function describeHistory({ locals }: RequestEvent, history: readonly FlagChange[]) {
  const names = await readNames(locals, [...new Set(history.map(({ author }) => author))])
  return history.map(({ version, atMs, author, reason, before, after, renamedFrom }) => ({
    version,
    at: new Date(atMs),
    author: names.get(author) ?? author,
    reason: reason ?? '',
    what: describeChange({ before, after, renamedFrom }),
    json: after && JSON.stringify({ ...after, version: undefined }, null, 2),
  }))
}

function describeChange({
  before,
  after,
  renamedFrom,
}: Pick<FlagChange, 'before' | 'after'> & { readonly renamedFrom: string | undefined }): string {
  if (renamedFrom !== undefined) return `Renamed from “${renamedFrom}”`
  if (!after) return 'Deleted'
  if (!before) return 'Created'
  const fields = changedFields(before, after)
  return fields.length === 0 ? 'Saved unchanged' : `Changed ${fields.join(', ')}`
}

/** Authors are user ids. Without the database the history shows those. */
async function readNames(
  { app }: App.Locals,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  try {
    const users = await app.database.query.users.findMany({
      columns: { id: true, name: true },
      where: (user, { inArray }) => inArray(user.id, [...ids]),
    })
    return new Map(users.map(({ id, name }) => [id, name]))
  } catch (cause) {
    log('error', 'flag_authors_not_read', { error: describeError(cause) })
    return new Map()
  }
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
