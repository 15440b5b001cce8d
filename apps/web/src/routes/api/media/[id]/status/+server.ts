import { json } from '@sveltejs/kit'
import { problem } from '$lib/server/problem.ts'
import type { RequestHandler } from './$types'

/** How far the processing of an upload is, for its creator and the owner. Others learn not even that it exists. */
export const GET: RequestHandler = async ({ locals, params }) => {
  if (!locals.session) return problem(401, 'Sign in to see your uploads.')
  const { id: userId, role } = locals.session.user
  const status = await locals.app.media.getStatus(params.id)
  if (!status || (status.creatorId !== userId && role !== 'owner')) {
    return problem(404, 'There is no such upload.')
  }
  return json({
    mediaId: status.mediaId,
    status: status.status,
    failureReason: status.failureReason,
    updatedAt: new Date(status.updatedAtMs).toISOString(),
  })
}
