import { expect, it } from 'vitest'
import { parseTranscodingMessage } from './transcoding-message.ts'

const poll = { type: 'poll', mediaId: 'm-1', jobId: 'job-1', submittedAtMs: 5, pollCount: 0 }

it.each([{ type: 'transcode', mediaId: crypto.randomUUID() }, poll])(
  'accepts %j and drops what it does not know',
  (message) => {
    expect(parseTranscodingMessage({ ...message, extra: 1 })).toEqual({ ok: true, message })
  },
)

it.each([
  [null, 'body'],
  ['transcode', 'body'],
  [{}, 'type'],
  [{ type: 'delete', mediaId: 'm-1' }, 'type'],
  [{ type: 'transcode' }, 'mediaId'],
  [{ type: 'transcode', mediaId: 7 }, 'mediaId'],
  [{ type: 'transcode', mediaId: '../../x' }, 'mediaId'],
  [{ type: 'transcode', mediaId: 'x'.repeat(65) }, 'mediaId'],
  [{ ...poll, jobId: '' }, 'jobId'],
  [{ ...poll, submittedAtMs: -1 }, 'submittedAtMs'],
  [{ ...poll, pollCount: 0.5 }, 'pollCount'],
])('refuses %j and names what is wrong without repeating it', (body, field) => {
  const result = parseTranscodingMessage(body)
  if (result.ok) throw new Error('accepted')
  expect(result.reason).toMatch(new RegExp(`^${field}: expected `))
  expect(JSON.stringify(result)).not.toContain('../../x')
})
