import * as v from 'valibot'

const Identifier = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, 'must be an id'))

const TranscodingMessageSchema = v.variant('type', [
  v.object({ type: v.literal('transcode'), mediaId: Identifier }),
  v.object({
    type: v.literal('poll'),
    mediaId: Identifier,
    jobId: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
    submittedAtMs: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    pollCount: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  }),
])

/**
 * What travels on the transcoding queue.
 *
 * `transcode` asks for an item to be processed from its stored bytes. `poll` asks how an external transcoder's
 * job is doing; `submittedAtMs` bounds how long it may be asked, `pollCount` spaces the questions out.
 */
export type TranscodingMessage = v.InferOutput<typeof TranscodingMessageSchema>

export type ParseTranscodingMessageResult =
  | { readonly ok: true; readonly message: TranscodingMessage }
  | { readonly ok: false; readonly reason: string }

/**
 * Parses the body of a queue message.
 *
 * @returns the message, or why it can never be one. The reason holds field names and expectations, no content.
 */
export function parseTranscodingMessage(body: unknown): ParseTranscodingMessageResult {
  const result = v.safeParse(TranscodingMessageSchema, body)
  if (result.success) return { ok: true, message: result.output }
  const [issue] = result.issues
  const path = v.getDotPath(issue) ?? 'body'
  return { ok: false, reason: `${path}: expected ${issue.expected ?? issue.type}` }
}
