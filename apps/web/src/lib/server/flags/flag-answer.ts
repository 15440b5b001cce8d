import { fail } from '@sveltejs/kit'
import type { ActionFailure } from '@sveltejs/kit'
import type { FlagFault } from '@codex/cloudflare-clients/feature-flags'
import { textField } from '../read-form.ts'
import type { FlagDeskAnswer } from './flag-desk.ts'

/** What the page of a flag or a segment shows after one of its forms was sent. */
export interface FlagAnswer<Values, Errors> {
  readonly about: 'edit' | 'history'
  readonly failed: boolean
  readonly message: string
  /** As it was typed, where it was refused. */
  readonly values: Values | null
  readonly reason: string
  readonly errors: Errors | null
  /** All that is wrong, where no field of the form can say it. */
  readonly faults: readonly string[]
  /** Where somebody else was quicker: what is stored now, as JSON, and the version to save over. */
  readonly theirs: { readonly json: string | null; readonly version: number } | null
}

type Answered<Values, Errors> =
  FlagAnswer<Values, Errors> | ActionFailure<FlagAnswer<Values, Errors>>

/** For the form with fields, each of which shows what is wrong with it. */
export function toEditAnswer<Values, Errors>(
  answer: FlagDeskAnswer,
  values: Values,
  reason: string,
  toErrors: (faults: readonly FlagFault[]) => Errors,
): Answered<Values, Errors> {
  const shown = toAnswer<Values, Errors>('edit', answer)
  if (!answer.failed) return shown
  return fail(answer.status, { ...shown, values, reason, errors: toErrors(answer.faults) })
}

/** For what was typed and cannot be read. */
export function refuseEdit<Values, Errors>(
  values: Values,
  reason: string,
  errors: Errors,
): ActionFailure<FlagAnswer<Values, Errors>> {
  const message = 'Nothing was saved. Look at what is marked.'
  return fail(400, {
    about: 'edit',
    failed: true,
    message,
    values,
    reason,
    errors,
    faults: [],
    theirs: null,
  })
}

/** For the small forms beside the history. */
export function toHistoryAnswer(answer: FlagDeskAnswer): Answered<never, never> {
  const shown = toAnswer<never, never>('history', answer)
  if (!answer.failed) return shown
  return fail(answer.status, { ...shown, faults: toFaultLines(answer.faults) })
}

export function toFaultLines(faults: readonly FlagFault[]): string[] {
  return faults.map(({ path, reason }) => `${path}: ${reason}`)
}

/** `NaN` for what is none. */
export function readVersion(form: FormData, name = 'version'): number {
  const text = textField(form, name)
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

function toAnswer<Values, Errors>(
  about: FlagAnswer<Values, Errors>['about'],
  { failed, message, theirs }: FlagDeskAnswer,
): FlagAnswer<Values, Errors> {
  return {
    about,
    failed,
    message,
    values: null,
    reason: '',
    errors: null,
    faults: [],
    theirs: theirs && {
      json: theirs.stored && JSON.stringify({ ...theirs.stored, version: undefined }, null, 2),
      version: theirs.stored?.version ?? 0,
    },
  }
}
