import {
  enterWindow,
  isSignedIn,
  linksOf,
  newPerson,
  pollUntil,
  sampleUser,
  signIn,
  signUp,
  verifyByMail,
} from '@codex/local-stack'
import { describe, expect, it } from 'vitest'
import { limitOnPage } from '../src/limit-on-page.ts'
import { listKeys, writeValue } from '../src/local-kv.ts'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

describe('the owner', () => {
  it('purges the cache by prefix, and nothing besides', async () => {
    const grace = await signedInSample('grace')
    const namesNow = async (): Promise<string[]> =>
      (await listKeys('cache')).map(({ name }) => name)
    // What was deleted a moment ago is written again after a second, and what was loaded while KV was out when it is read anew.
    await pollUntil('the list is in KV', async () => {
      await visitor().get('/browse/courses')
      return (await namesNow()).includes('cache:content-list:category:courses')
    })
    const response = await grace.postForm('/admin?/purge', { prefix: 'cache:content-' })
    expect(response.status).toBe(200)
    expect(response.text).toMatch(/Deleted \d+ entr/)
    const names = await namesNow()
    expect(names.filter((name) => name.startsWith('cache:content-'))).toEqual([])
    expect(names).toContain('cache:settings:platform')
    expect(await isSignedIn(grace)).toBe(true)
  })

  it.each(['session:', 'rl:', '', 'cache'])('cannot purge %j', async (prefix) => {
    const grace = await signedInSample('grace')
    expect((await grace.postForm('/admin?/purge', { prefix })).status).toBe(400)
    expect(await isSignedIn(grace)).toBe(true)
  })

  it('lists what the cache holds only when asked, page by page, and deletes one entry', async () => {
    const grace = await signedInSample('grace')
    const keys = Array.from(
      { length: 51 },
      (_, number) => `cache:listed:${String(number).padStart(2, '0')}`,
    )
    for (const key of keys) await writeValue('cache', { key, value: '1' })
    const unasked = await grace.get('/admin')
    expect(unasked.text).toContain('What the cache holds')
    expect(unasked.headers.get('x-codex-operations')).toContain('kv.list=0')
    const shelf = await pollUntil('the list is in KV', async () => {
      await visitor().get('/browse/courses')
      const page = await grace.get('/admin?list=cache:content-')
      return page.text.includes('cache:content-list:category:courses') && page
    })
    expect(shelf.text).toMatch(/cache:content-list:category:courses<[^]*?>1 d left/)

    const first = await grace.get('/admin?list=cache:listed:')
    expect(first.headers.get('x-codex-operations')).toContain('kv.list=1')
    expect(first.text).toContain('Delete cache:listed:49')
    expect(first.text).not.toContain('cache:listed:50')
    const more = /href="([^"]*from=[^"]*)#held"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&')
    const last = await grace.get(more ?? '')
    expect(last.text).toContain('Delete cache:listed:50')
    expect(last.text).not.toContain('More entries')

    const action = '/admin?/deleteEntry&list=cache:listed:'
    const deleted = await grace.postForm(action, { key: 'cache:listed:07' })
    expect(deleted.text).toContain('Deleted cache:listed:07')
    expect(deleted.text).toContain('Delete cache:listed:08')
    expect(deleted.text).not.toContain('Delete cache:listed:07')
    const left = (await listKeys('cache')).filter(({ name }) => keys.includes(name))
    expect(left).toHaveLength(50)
    await grace.postForm('/admin?/purge', { prefix: 'cache:listed:' })
  })

  it('cannot list or delete what is not in the cache', async () => {
    const grace = await signedInSample('grace')
    const response = await grace.get('/admin?list=session:')
    expect(response.text).toContain('A prefix begins with')
    expect(response.text).not.toContain('session:token:')
    const [session] = await listKeys('auth-session')
    expect((await grace.postForm('/admin?/deleteEntry', { key: session?.name ?? '' })).status).toBe(
      400,
    )
  })

  it('reads that the cache does not answer, on a page that works otherwise', async () => {
    const grace = await signedInSample('grace')
    await visitor().postJson('/dev/kv-outage', { on: true })
    try {
      const response = await grace.get('/admin?list=cache:content-')
      expect(response.status).toBe(200)
      expect(response.text).toContain('The cache did not answer')
      const deleted = await grace.postForm('/admin?/deleteEntry', {
        key: 'cache:content-list:newest',
      })
      expect(deleted.status).toBe(502)
    } finally {
      await visitor().postJson('/dev/kv-outage', { on: false })
    }
  })

  it('lets a person who guessed too often try again', async () => {
    const { person } = await signedInPerson('Locked Out')
    for (let attempt = 1; attempt <= 5; attempt++) {
      await signIn(visitor(), { ...person, password: 'wrong again' })
    }
    expect((await signIn(visitor(), person)).status).toBe(429)
    const grace = await signedInSample('grace')
    const reset = await grace.postForm('/admin?/resetLimit', {
      policy: 'login',
      who: person.email,
    })
    expect(reset.status).toBe(200)
    expect(limitOnPage(reset.text, 'login')).toContain('0 of 5 used')
    expect((await signIn(visitor(), person)).status).toBe(303)
  })

  it('sees the limits of a person by mail address and by id, and none of what they are counted by', async () => {
    await enterWindow({ windowSeconds: 900, neededSeconds: 20 })
    const { client, person } = await signedInPerson('Well Known')
    for (let call = 1; call <= 3; call++) await client.get('/api/content')
    await signIn(visitor(), { ...person, password: 'one wrong guess' })
    const grace = await signedInSample('grace')
    const shown = await grace.postForm('/admin?/lookUpLimits', { who: person.email.toUpperCase() })
    expect(shown.status).toBe(200)
    expect(limitOnPage(shown.text, 'login')).toMatch(
      /by account, in 15 min .*1 of 5 used .*4 left .*resets in \d+ (?:s|min)/,
    )
    expect(limitOnPage(shown.text, 'api')).toMatch(/by user, in 1 min .* of 100 used/)
    expect(limitOnPage(shown.text, 'upload')).toContain('0 of 10 used')
    expect(limitOnPage(shown.text, 'register')).toBe('')

    const byId = await grace.postForm('/admin?/lookUpLimits', { who: sampleUser('lin').id })
    expect(limitOnPage(byId.text, 'login')).toContain('of 5 used')
    expect(limitOnPage(byId.text, 'upload')).toContain('of 10 used')
  })

  it('blocks a network for a while, and lets it in again', async () => {
    const client = visitor()
    expect((await client.get('/api/content')).status).toBe(200)
    const grace = await signedInSample('grace')
    const target = { who: client.clientIp, policy: 'api' }
    const blocked = await grace.postForm('/admin?/blockLimit', { ...target, minutes: '30' })
    expect(blocked.text).toContain('is denied everything under api for 30 min.')
    expect(limitOnPage(blocked.text, 'api')).toMatch(/Blocked for (?:30|29) min/)

    const refused = await client.get('/api/content')
    expect(refused.status).toBe(429)
    expect(refused.text).toMatch(
      /The owner of this site has closed this to you for (?:30|29) minutes/,
    )
    expect((await client.get('/browse')).status).toBe(200)
    // The owner finds whoever is denied in the list, without an address.
    const page = await grace.get('/admin')
    expect(page.text).toContain('Last denials')
    expect(page.text).not.toContain(client.clientIp)
    const identifier = /name="who" value="(address:[\w-]{22})"/.exec(page.text)?.[1] ?? ''
    const found = await grace.postForm('/admin?/lookUpLimits', { who: identifier })
    expect(limitOnPage(found.text, 'api')).toContain('Blocked for')

    const ended = await grace.postForm('/admin?/unblockLimit', target)
    expect(limitOnPage(ended.text, 'api')).not.toContain('Blocked')
    expect((await client.get('/api/content')).status).toBe(200)
  })

  it('gives a person a limit of their own, and takes it back', async () => {
    await enterWindow({ windowSeconds: 900, neededSeconds: 20 })
    const { person } = await signedInPerson('Own Limit')
    const guess = async (): Promise<number> =>
      (await signIn(visitor(), { ...person, password: 'a wrong guess' })).status
    const grace = await signedInSample('grace')
    const target = { who: person.email, policy: 'login' }
    const set = await grace.postForm('/admin?/overrideLimit', {
      ...target,
      limit: '1',
      minutes: '60',
    })
    expect(set.text).toContain(`The login limit of ${person.email} is 1 for 60 min.`)
    expect(limitOnPage(set.text, 'login')).toMatch(/Own limit 1 for (?:1 h|59 min)/)
    expect([await guess(), await guess()]).toEqual([401, 429])
    const ended = await grace.postForm('/admin?/endOverride', target)
    expect(ended.text).toContain(`The login limit of ${person.email} is 5 again.`)
    expect(await guess()).toBe(401)
  })

  it('reads what is wrong beside the field, with the limits still there', async () => {
    const grace = await signedInSample('grace')
    const target = { who: sampleUser('lin').email, policy: 'login' }
    const wrong = await grace.postForm('/admin?/blockLimit', { ...target, minutes: '0' })
    expect(wrong.status).toBe(400)
    expect(limitOnPage(wrong.text, 'login')).toContain('From 1 to 43200')
    expect(limitOnPage(wrong.text, 'upload')).not.toContain('From 1 to')
    const tooHigh = await grace.postForm('/admin?/overrideLimit', { ...target, limit: '501' })
    expect(limitOnPage(tooHigh.text, 'login')).toContain('From 1 to 500')
  })

  it('closes and opens the registration', async () => {
    const grace = await signedInSample('grace')
    const settings = {
      siteName: 'Codex',
      tagline: 'Work by people who make things, for people who make things.',
      announcement: '',
      maxUploadMegabytes: '25',
    }
    const closed = await grace.postForm('/admin?/settings', {
      ...settings,
      announcement: 'Closed for an hour',
    })
    expect(closed.status).toBe(200)
    try {
      expect((await visitor().get('/')).text).toContain('Closed for an hour')
      expect((await signUp(visitor(), newPerson('Too Late'))).status).toBe(403)
    } finally {
      await grace.postForm('/admin?/settings', { ...settings, registrationOpen: 'on' })
    }
    expect((await signUp(visitor(), newPerson('In Time'))).status).toBe(303)
  })

  it('makes a customer a creator, who can publish at once', async () => {
    const grace = await signedInSample('grace')
    const client = visitor()
    const person = newPerson('Rising Creator')
    await signUp(client, person)
    await verifyByMail(client, person.email)
    await signIn(client, person)
    expect((await client.get('/studio/items/new')).status).toBe(403)
    const changed = await grace.postForm('/admin?/role', { email: person.email, role: 'creator' })
    expect(changed.status).toBe(200)
    // Copies of the session hold the old role; the studio asks the coordinator.
    expect((await client.get('/studio/items/new')).status).toBe(200)
  })

  it('cannot do what makes no sense', async () => {
    const grace = await signedInSample('grace')
    const post = async (action: string, fields: Record<string, string>): Promise<number> =>
      (await grace.postForm(`/admin?/${action}`, fields)).status
    const who = sampleUser('lin').email
    expect(await post('lookUpLimits', { who: ' ' })).toBe(400)
    expect(await post('lookUpLimits', { who: 'no-such-user' })).toBe(400)
    expect(await post('resetLimit', { who, policy: 'made-up' })).toBe(400)
    expect(await post('resetLimit', { who: ' ', policy: 'login' })).toBe(400)
    expect(await post('resetLimit', { who, policy: 'register' })).toBe(400)
    for (const minutes of ['0', '-1', '1.5', '43201', 'an hour', '']) {
      expect(await post('blockLimit', { who, policy: 'login', minutes }), minutes).toBe(400)
    }
    for (const limit of ['0', '501', 'many', '']) {
      expect(await post('overrideLimit', { who, policy: 'login', limit }), limit).toBe(400)
    }
    expect(await post('overrideLimit', { who, policy: 'login', limit: '9', minutes: '0' })).toBe(
      400,
    )
    expect(await post('role', { email: 'nobody@people.example', role: 'creator' })).toBe(404)
    expect(await post('role', { email: sampleUser('lin').email, role: 'emperor' })).toBe(400)
    expect(await post('role', { email: sampleUser('grace').email, role: 'customer' })).toBe(400)
    expect(await post('settings', { siteName: '', maxUploadMegabytes: '-1' })).toBe(400)
  })
})

it('the owner features an item, and everyone sees it on the home page until it is taken off', async () => {
  const grace = await signedInSample('grace')
  const picked = async (): Promise<string> => {
    const { text } = await visitor().get('/')
    return text.slice(text.indexOf('Picked by us'), text.indexOf('New on the shelves'))
  }
  const before = await picked()
  // The newest item, because the home page shows the newest six of what is featured.
  const { items } = JSON.parse((await visitor().get('/api/content')).text) as {
    items: { slug: string }[]
  }
  const path = `/item/${items.find(({ slug }) => !before.includes(`/item/${slug}"`))?.slug ?? ''}`
  const featured = await grace.postForm('/admin?/feature', { item: path })
  expect(featured.text).toContain('is featured')
  expect(await picked()).toContain(`${path}"`)
  const again = await grace.postForm('/admin?/feature', { item: path })
  expect(again.text).toContain('is featured already.')
  expect(again.text).not.toContain('not among them')
  // The sample data features more than six, and the admin page lists them all, the oldest last.
  const oldest = linksOf(await grace.get('/admin')).findLast((href) => href.startsWith('/item/'))
  const beyond = await grace.postForm('/admin?/feature', { item: oldest ?? '' })
  expect(beyond.text).toContain('is featured already. The front page shows the newest six')
  await grace.postForm('/admin?/unfeature', { slug: path.slice('/item/'.length) })
  expect(await picked()).not.toContain(`${path}"`)
  expect((await grace.postForm('/admin?/feature', { item: 'no-such-item' })).status).toBe(404)
})

it.each(['lin', 'ada'])('%s is no owner, and every action of the owner says so', async (name) => {
  const client = await signedInSample(name)
  for (const action of [
    'purge',
    'deleteEntry',
    'lookUpLimits',
    'resetLimit',
    'blockLimit',
    'unblockLimit',
    'overrideLimit',
    'endOverride',
    'settings',
    'role',
    'signOutUser',
    'signOutEveryone',
    'feature',
    'unfeature',
  ]) {
    const response = await client.postForm(`/admin?/${action}`, { prefix: 'cache:' })
    expect(response.status, action).toBe(403)
  }
  expect((await client.get('/admin/limits')).status).toBe(403)
})
