import { requireSessionLookup } from '$lib/server/require-user.ts'
import type { LayoutServerLoad } from './$types'

/** Every page stands behind this: while sessions cannot be looked up, none pretends that nobody is signed in. */
export const load: LayoutServerLoad = (event) => {
  requireSessionLookup(event)
}
