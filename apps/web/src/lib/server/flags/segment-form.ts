import type { FlagFault, FlagSegment } from '@codex/cloudflare-clients/feature-flags'
import { textField } from '../read-form.ts'
import { addFault } from './flag-form.ts'
import { readJson } from './read-json.ts'

/** A segment's form as it was typed, to show it again. */
export interface SegmentFormValues {
  readonly description: string
  /** JSON. */
  readonly when: string
}

export type SegmentFormErrors = Readonly<Partial<Record<keyof SegmentFormValues, string>>>

type ReadSegmentResult =
  | { readonly ok: true; readonly segment: FlagSegment }
  | { readonly ok: false; readonly errors: SegmentFormErrors }

export function readSegmentForm(form: FormData): SegmentFormValues {
  return { description: textField(form, 'description'), when: textField(form, 'when') }
}

/** How a segment fills its form. Read again unchanged, it is the same segment. */
export function toSegmentForm({
  description = '',
  when,
}: FlagSegment & { readonly version?: number }): SegmentFormValues {
  return { description, when: JSON.stringify(when, null, 2) }
}

/** The segment, or what cannot be read. Whether it makes sense is the flags' to say: see {@link toSegmentFormErrors}. */
export function toSegment(values: SegmentFormValues): ReadSegmentResult {
  const when = readJson(values.when, 'an object')
  if ('problem' in when) return { ok: false, errors: { when: when.problem } }
  const description = values.description.trim()
  const segment = {
    when: when.value as FlagSegment['when'],
    ...(description !== '' && { description }),
  }
  return { ok: true, segment }
}

/** All faults of each field, each with its path. What others would get by a change is the condition's fault. */
export function toSegmentFormErrors(faults: readonly FlagFault[]): SegmentFormErrors {
  const errors: { -readonly [K in keyof SegmentFormErrors]: SegmentFormErrors[K] } = {}
  for (const fault of faults) {
    addFault(errors, fault.path === 'description' ? 'description' : 'when', fault)
  }
  return errors
}
