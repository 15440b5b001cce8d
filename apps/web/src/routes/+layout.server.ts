import { describeError, log } from '$lib/server/log.ts'
import type { Viewer } from '$lib/viewer.ts'
import type { LayoutServerLoad } from './$types'

const plainSite = { siteName: 'Codex', tagline: '', announcement: '' }

/** The frame of every page, the error page included: so this never fails. */
export const load: LayoutServerLoad = async ({ locals }) => {
  const user = locals.session?.user
  const viewer: Viewer | null = user
    ? { id: user.id, name: user.name, email: user.email, role: user.role }
    : null
  const viewerUnknown = locals.sessionUnavailable
  return {
    viewer,
    viewerUnknown,
    development: locals.app.development,
    site: await loadSite(locals),
  }
}

async function loadSite({ app }: App.Locals): Promise<typeof plainSite> {
  try {
    const { siteName, tagline, announcement } = await app.settings.get()
    return { siteName, tagline, announcement }
  } catch (error) {
    log('error', 'settings_not_loaded', { error: describeError(error) })
    return plainSite
  }
}
