import type { FlagSegment } from '@codex/cloudflare-clients/feature-flags'
import { describe, expect, it } from 'vitest'
import { readSegmentForm, toSegment, toSegmentForm, toSegmentFormErrors } from './segment-form.ts'
import type { SegmentFormValues } from './segment-form.ts'

/** Sends the fields as a browser does. */
function send({ description, when }: SegmentFormValues): SegmentFormValues {
  const form = new FormData()
  form.set('description', description)
  form.set('when', when.replaceAll('\n', '\r\n'))
  return readSegmentForm(form)
}

describe('the form of a segment', () => {
  it.each([
    { when: { attribute: 'role', op: 'in', value: ['owner', 'creator'] }, description: 'Staff' },
    { when: { all: [{ segment: 'other' }, { not: { segment: 'third' } }] } },
  ] as FlagSegment[])('that is sent unchanged is the same segment: %j', (segment) => {
    const values = send(toSegmentForm({ ...segment, version: 7 }))
    expect(toSegment(values)).toEqual({ ok: true, segment })
  })

  it.each([
    ['', 'Write an object as JSON'],
    ['[]', 'Write an object as JSON'],
    ['{"attribute": }', expect.stringContaining('Unexpected token') as unknown],
  ])('says what is wrong with the condition %j', (when, problem) => {
    expect(toSegment({ description: '', when })).toEqual({ ok: false, errors: { when: problem } })
  })

  it('shows faults at the field that holds them, with their path', () => {
    expect(
      toSegmentFormErrors([
        { path: 'when.all[0].op', reason: 'is no operator' },
        { path: 'when', reason: 'is too deep' },
        { path: 'description', reason: 'is too long' },
        { path: 'flags["a"].rules[0].when.segment', reason: 'must not rest on itself' },
      ]),
    ).toEqual({
      when: 'when.all[0].op: is no operator\nis too deep\nflags["a"].rules[0].when.segment: must not rest on itself',
      description: 'is too long',
    })
  })
})
