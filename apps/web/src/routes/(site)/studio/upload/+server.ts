import { error, json } from '@sveltejs/kit'
import { uploadLimitBytes } from '$lib/server/flags/site-answers.ts'
import { problem } from '$lib/server/problem.ts'
import { requireCreator } from '$lib/server/require-user.ts'
import { refuseLargeUpload } from '$lib/server/upload-size.ts'
import type { RequestHandler } from './$types'

/**
 * The same upload for browsers with scripts: the bare bytes, streamed through to the bucket without being held in
 * memory, so that the page can show how far it is.
 */
export const PUT: RequestHandler = async (event) => {
  const { app, session } = event.locals
  // A script asks, so a redirect to the sign-in page would be no answer.
  if (!session && !event.locals.sessionUnavailable)
    return problem(401, 'Sign in again, then upload.')
  const user = requireCreator(event)
  const { request, url } = event
  const platform = await app.settings.get()
  const asking = { flags: app.flags.client, session }
  const maxUploadBytes = uploadLimitBytes(asking, platform.maxUploadBytes)
  const tooLarge = refuseLargeUpload(request, { maxUploadBytes })
  if (tooLarge) return problem(413, tooLarge)
  const decision = await app.limits.check('upload', [{ policy: 'upload', userId: user.id }])
  if (!decision.allowed) return decision.toResponse()
  event.setHeaders(decision.headers)
  const length = request.headers.get('content-length')
  if (length === null || !request.body) error(411, { message: 'An upload must say its length.' })
  // An owner may publish too, and gets a place for uploads with the first one.
  await app.creators.ensureCreator({ id: user.id, name: user.name })
  const result = await app.media.upload(user.id, {
    filename: url.searchParams.get('filename') ?? '',
    declaredType: request.headers.get('content-type') ?? '',
    sizeBytes: Number(length),
    body: request.body,
    maxUploadBytes,
  })
  if (!result.ok) return problem(result.reason === 'too_large' ? 413 : 400, result.message)
  return json({ mediaId: result.media.id, filename: result.media.filename }, { status: 201 })
}
