import { error, fail } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { SignedInUser } from '@codex/auth'
import { keys, kvPrices, priceKVOperations } from '@codex/cloudflare-clients'
import { deleteByPrefix } from '@codex/cloudflare-clients/cache'
import { featuredLimit } from '@codex/core-services'
import type { DailyAnalytics, FeaturedChange } from '@codex/core-services'
import { canonicalEmail } from '$lib/server/canonical-email.ts'
import { isCachePrefix, readCacheContents } from '$lib/server/cache-contents.ts'
import { readItemSlug } from '$lib/server/item-slug.ts'
import { viewDecisions } from '$lib/server/limits/decisions-view.ts'
import { describeError, log } from '$lib/server/log.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { requireOwner, requireRecentSignIn } from '$lib/server/require-user.ts'
import { toFieldErrors } from '$lib/server/settings-form.ts'
import { shownReads } from '$lib/server/shown-reads.ts'
import { limitActions } from './limit-actions.ts'
import { sessionActions } from './session-actions.ts'
import type { Actions, PageServerLoad } from './$types'

const bytesPerMegabyte = 1024 * 1024
const roles: readonly SignedInUser['role'][] = ['customer', 'creator', 'owner']

export const load: PageServerLoad = async (event) => {
  requireOwner(event)
  const { app } = event.locals
  const today = new Date().toISOString().slice(0, 10)
  const askedDay = event.url.searchParams.get('day')
  const day = askedDay === null || askedDay === '' ? today : askedDay
  const listPrefix = event.url.searchParams.get('list')
  const listFrom = event.url.searchParams.get('from')
  const [settings, daily, featured, cacheContents] = await Promise.all([
    app.settings.get(),
    app.analytics.daily(day),
    app.content.listAllFeatured(),
    listPrefix === null
      ? null
      : readCacheContents(app.cacheStore, {
          prefix: listPrefix.trim(),
          cursor: listFrom,
          nowMs: Date.now(),
        }),
  ])
  const { reads, writes, deletes, lists } = app.meter.totals.kv
  const counts = { read: reads, write: writes, delete: deletes, list: lists }
  const { names } = app.cacheReads
  const cacheStats = names.map((name) => ({ name, ...app.cacheCounters.stats(name) }))
  const analytics: DailyAnalytics | null = daily.ok ? daily.analytics : null
  return {
    settings: {
      ...settings,
      maxUploadMegabytes: settings.maxUploadBytes / bytesPerMegabyte,
    },
    day,
    today,
    analytics,
    analyticsProblem: daily.ok ? null : 'That is no day that has figures.',
    featured,
    cacheContents,
    cacheListedFrom: listFrom,
    // Copied, because the meter goes on counting.
    operations: structuredClone(app.meter.totals),
    kvDollars: {
      reads: priceKVOperations({ read: reads }),
      writes: priceKVOperations({ write: writes }),
      deletes: priceKVOperations({ delete: deletes }),
      lists: priceKVOperations({ list: lists }),
      total: priceKVOperations(counts),
    },
    kvPricesOf: kvPrices.date,
    cacheStats: cacheStats.filter(({ hitRate, loads }) => hitRate !== null || loads > 0),
    requests: app.meter.requests,
    startedAt: new Date(app.meter.startedAtMs),
    decisions: viewDecisions(app.limits.decisions),
    prefixes: ['cache:content-', ...names.map((name) => keys.cachePrefix(name))],
    roles,
    canSignOutEveryone: app.sessions.exact === 'strict',
    cacheReads: shownReads(event.locals),
  }
}

export const actions: Actions = {
  ...limitActions,
  ...sessionActions,

  purge: async (event) => {
    const { form, app } = await readOwnersForm(event)
    const prefix = textField(form, 'prefix').trim()
    if (!isCachePrefix(prefix)) {
      return refuse('purge', 'A prefix begins with “cache:”, such as cache:content-')
    }
    try {
      const { deletedKeys } = await deleteByPrefix(app.cache, prefix)
      const entries = `${String(deletedKeys)} ${deletedKeys === 1 ? 'entry' : 'entries'}`
      return done('purge', `Deleted ${entries} under ${prefix}`)
    } catch (cause) {
      log('error', 'cache_not_purged', { prefix, error: describeError(cause) })
      return refuse('purge', 'The cache did not answer. Some entries may remain; try again.', 502)
    }
  },

  deleteEntry: async (event) => {
    const { form, app } = await readOwnersForm(event)
    const key = textField(form, 'key')
    if (!key.startsWith('cache:')) return refuse('entry', 'Choose one of the entries.')
    try {
      // Not through the store: the cache also keeps what is being loaded from coming back under this key.
      await app.cache.delete(key)
      return done('entry', `Deleted ${key}`)
    } catch (cause) {
      log('error', 'cache_entry_not_deleted', { key, error: describeError(cause) })
      return refuse('entry', 'The cache did not answer. The entry may remain; try again.', 502)
    }
  },

  settings: async (event) => {
    const { form, app, owner } = await readOwnersForm(event)
    const megabytes = Number(textField(form, 'maxUploadMegabytes') || Number.NaN)
    const result = await app.settings.update(
      {
        siteName: textField(form, 'siteName'),
        tagline: textField(form, 'tagline'),
        announcement: textField(form, 'announcement'),
        maxUploadBytes: Math.round(megabytes * bytesPerMegabyte),
        registrationOpen: form.get('registrationOpen') === 'on',
      },
      owner.id,
    )
    if (!result.ok) {
      if (result.reason === 'not_found') error(403, { message: 'Your account is gone.' })
      return fail(400, {
        about: 'settings',
        failed: true,
        message: 'Nothing was saved. Look at what is marked.',
        errors: toFieldErrors(result.issues),
      })
    }
    return done(
      'settings',
      result.cacheInvalidated
        ? 'Saved.'
        : 'Saved, but the cached copy could not be removed. Save again in a moment.',
    )
  },

  feature: async (event) => {
    const { form, app } = await readOwnersForm(event)
    const slug = readItemSlug(textField(form, 'item'))
    const noSuchItem = 'No published item has that address.'
    if (slug === null) return refuse('featured', noSuchItem)
    const before = await app.content.listAllFeatured()
    const result = await app.content.setFeatured(slug, true)
    if (!result.ok) return refuse('featured', noSuchItem, 404)
    const already = before.some((item) => item.slug === slug) ? ' already' : ''
    const shown = (await app.content.listAllFeatured())
      .filter(({ published }) => published)
      .slice(0, featuredLimit)
    const beyond = shown.some((item) => item.slug === slug)
      ? ''
      : ' The front page shows the newest six, and it is not among them.'
    return done(
      'featured',
      `“${result.title}” is featured${already}.${beyond}${untilListEnds(result)}`,
    )
  },

  unfeature: async (event) => {
    const { form, app } = await readOwnersForm(event)
    const result = await app.content.setFeatured(textField(form, 'slug'), false)
    if (!result.ok) return refuse('featured', 'There is no such item.', 404)
    return done('featured', `“${result.title}” is no longer featured.${untilListEnds(result)}`)
  },

  role: async (event) => {
    const { form, app, owner } = await readOwnersForm(event)
    requireRecentSignIn(event)
    const email = canonicalEmail(textField(form, 'email'))
    const role = roles.find((each) => each === textField(form, 'role'))
    if (!role) return refuse('role', 'Choose a role.')
    const user = await app.database.query.users.findFirst({
      columns: { id: true, name: true },
      where: (users, { eq }) => eq(users.email, email),
    })
    if (!user) return refuse('role', 'Nobody has an account with that e-mail.', 404)
    if (user.id === owner.id && role !== 'owner') {
      return refuse('role', 'You cannot take the owner’s role from yourself.')
    }
    if (role !== 'customer') await app.creators.ensureCreator(user)
    const changed = await event.locals.auth.setRole(user.id, role)
    if (!changed) return refuse('role', 'That account is gone.', 404)
    return done('role', `${user.name} is now ${role === 'owner' ? 'an owner' : `a ${role}`}.`)
  },
}

async function readOwnersForm(event: RequestEvent) {
  const owner = requireOwner(event)
  return { owner, form: await readForm(event.request), app: event.locals.app }
}

function untilListEnds({ cacheInvalidated }: FeaturedChange): string {
  return cacheInvalidated ? '' : ' The front page may show the old list for half an hour.'
}

function done(about: string, message: string) {
  return { about, failed: false, message, errors: {} as Readonly<Record<string, string>> }
}

function refuse(about: string, message: string, status = 400) {
  return fail(status, { ...done(about, message), failed: true })
}
