import {
  listCategory,
  pollUntil,
  putUpload,
  type SiteClient,
  type SiteResponse,
  sampleUser,
  signIn,
  tinyPng,
} from '@codex/local-stack'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { listKeys, readValueIfThere } from '../src/local-kv.ts'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

let grace: SiteClient
let itemPath: string
/** The versions of the flags as the app brings them, which each test leaves behind. */
const atFirst = new Map<string, string>()

function pageOf(flag: string): string {
  return `/admin/flags/${flag}`
}

async function versionOf(flag: string): Promise<string> {
  const { text } = await grace.get(pageOf(flag))
  const [, version] = /name="version" value="(\d+)"/.exec(text) ?? []
  if (version === undefined) throw new Error(`Expected the page of ${flag} to name its version`)
  return version
}

async function save(
  flag: string,
  fields: Readonly<Record<string, string>>,
  client = grace,
): Promise<SiteResponse> {
  const version = await versionOf(flag)
  return client.postForm(`${pageOf(flag)}?/save`, { version, ...fields })
}

async function enable(flag: string, enabled: boolean): Promise<void> {
  const fields = { name: flag, version: await versionOf(flag), enabled: String(enabled) }
  const response = await grace.postForm('/admin/flags?/switch', fields)
  expect(response.status, response.text).toBe(200)
}

async function switchOutage(on: boolean): Promise<void> {
  expect((await visitor().postJson('/dev/flag-outage', { on })).status).toBe(200)
}

/** The id of who is signed in, as the flags get it. */
async function userIdOf(client: SiteClient): Promise<string> {
  const page = await client.get('/account')
  const [, id] = /viewer:\{id:"([^"]+)"/.exec(page.text) ?? []
  if (id === undefined) throw new Error('Expected the page to hold who is signed in')
  return id
}

async function hasNewLayout(client: SiteClient): Promise<boolean> {
  const { status, text } = await client.get(itemPath)
  expect(status).toBe(200)
  return text.includes('data-layout="new"')
}

/** What the answer says its flags cost. */
function flagCosts({ headers }: SiteResponse): {
  readonly kvReads: number
  readonly doRequests: number
} {
  const [, kvReads, doRequests] =
    /^ready version=\d+ kv\.read=(\d+) do\.request=(\d+)$/.exec(
      headers.get('x-codex-flags') ?? '',
    ) ?? []
  return { kvReads: Number(kvReads), doRequests: Number(doRequests) }
}

beforeAll(async () => {
  grace = await signedInSample('grace')
  const [item] = await listCategory(visitor(), 'courses')
  itemPath = `/item/${item?.slug ?? ''}`
  // Stores what the app brings.
  await enable('maintenance-mode', false)
  for (const flag of ['new-item-page', 'upload-size', 'maintenance-mode']) {
    atFirst.set(flag, await versionOf(flag))
  }
})

afterEach(async () => {
  await switchOutage(false)
  for (const [flag, toVersion] of atFirst) {
    const version = await versionOf(flag)
    if (version === toVersion) continue
    const fields = { version, toVersion }
    const reverted = await grace.postForm(`${pageOf(flag)}?/revert`, fields)
    expect(reverted.status, reverted.text).toBe(200)
    atFirst.set(flag, await versionOf(flag))
  }
})

afterAll(async () => {
  await switchOutage(false)
})

describe('the page of flags', () => {
  it('is for owners only', async () => {
    const ada = await signedInSample('ada')
    for (const path of ['/admin/flags', pageOf('new-item-page'), '/admin/segments/staff']) {
      expect((await visitor().get(path)).location).toBe(`/sign-in?next=${encodeURIComponent(path)}`)
      expect((await ada.get(path)).status).toBe(403)
    }
    const version = await versionOf('new-item-page')
    const changed = await ada.postForm(`${pageOf('new-item-page')}?/save`, { version })
    expect(changed.status).toBe(403)
    const fields = { name: 'maintenance-mode', version, enabled: 'true' }
    expect((await ada.postForm('/admin/flags?/switch', fields)).status).toBe(403)
    expect((await visitor().get('/')).status).toBe(200)
  })

  it('takes no change that another site sends with the owner’s cookies', async () => {
    const response = await grace.request('/admin/flags?/switch', {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: new URLSearchParams({ name: 'maintenance-mode', version: '0', enabled: 'true' }),
    })
    expect(response.status).toBe(403)
  })

  it('lists the flags of the site with what they do', async () => {
    const { text } = await grace.get('/admin/flags')
    for (const name of ['new-item-page', 'upload-size', 'maintenance-mode']) {
      expect(text).toContain(`data-flag="${name}"`)
    }
    expect(text).toContain('On for 0 %')
    expect(text).toContain('Strict within 5 s')
  })

  it('answers 404 for a flag that never was', async () => {
    expect((await grace.get(pageOf('never-was'))).status).toBe(404)
  })

  it('makes a flag that changes nothing, and deletes it, and brings it back', async () => {
    const name = `trial ${crypto.randomUUID().slice(0, 8)}`
    const path = pageOf(encodeURIComponent(name))
    const made = await grace.postForm('/admin/flags?/create', { name, type: 'number' })
    expect(made.location).toBe(path)
    expect((await grace.postForm('/admin/flags?/create', { name, type: 'number' })).status).toBe(
      409,
    )
    const version = await versionOf(encodeURIComponent(name))
    const deleted = await grace.postForm(`${path}?/delete`, { version })
    expect(deleted.location).toBe(`/admin/flags?removed=${encodeURIComponent(name)}`)
    expect((await grace.get('/admin/flags')).text).not.toContain(name)
    const back = await grace.postForm(`${path}?/revert`, { version: '0', toVersion: version })
    expect(back.status, back.text).toBe(200)
    expect((await grace.get('/admin/flags')).text).toContain(name)
    const again = await versionOf(encodeURIComponent(name))
    expect((await grace.postForm(`${path}?/delete`, { version: again })).status).toBe(303)
  })

  it('gives a flag another name, under which everybody keeps what they had', async () => {
    const name = `word ${crypto.randomUUID().slice(0, 8)}`
    const to = `${name}, better`
    const [path, newPath] = [name, to].map((one) => pageOf(encodeURIComponent(one))) as [
      string,
      string,
    ]
    await grace.postForm('/admin/flags?/create', { name, type: 'boolean' })
    await save(encodeURIComponent(name), { enabled: 'on', percentage: '30' })
    const taken = await grace.postForm(`${path}?/rename`, { to: 'new-item-page' })
    expect(taken.status).toBe(400)
    expect(taken.text).toContain('to: must be new')
    const renamed = await grace.postForm(`${path}?/rename`, { to, reason: 'A better word' })
    expect(renamed.location).toBe(newPath)
    const page = await grace.get(newPath)
    expect(page.text).toContain(`Renamed from “${name}”`)
    expect(page.text).toContain('A better word')
    // What its users are spread by is the first name still.
    expect(page.text).toMatch(new RegExp(`salt.{1,20}${name}`))
    expect((await grace.get('/admin/flags')).text).not.toContain(`data-flag="${name}"`)
    const version = await versionOf(encodeURIComponent(to))
    expect((await grace.postForm(`${newPath}?/delete`, { version })).status).toBe(303)
  })

  it('writes a segment that rules may use, and keeps it while they do', async () => {
    const name = `team ${crypto.randomUUID().slice(0, 8)}`
    const opened = await grace.postForm('/admin/flags?/segment', { name })
    const path = `/admin/segments/${encodeURIComponent(name)}`
    expect(opened.location).toBe(path)
    expect((await grace.postForm('/admin/flags?/segment', { name: ' ' })).status).toBe(400)
    const versionNow = async (): Promise<string> =>
      /name="version" value="(\d+)"/.exec((await grace.get(path)).text)?.[1] ?? ''
    const saved = async (when: string, version: string): Promise<SiteResponse> =>
      grace.postForm(`${path}?/save`, { version, when, description: 'Who sells' })
    expect((await saved('{"attribute": "role"}', '0')).text).toContain(
      'must have one of all, any, not',
    )
    expect((await saved('{', '0')).status).toBe(400)
    const when = '{"attribute": "role", "op": "eq", "value": "creator"}'
    const made = await saved(when, '0')
    expect(made.status, made.text).toBe(200)
    const late = await saved(when, '0')
    expect(late.status).toBe(409)
    expect(late.text).toContain('Somebody else changed this segment meanwhile')

    const rules = JSON.stringify([{ when: { segment: name }, variant: 'on' }])
    const using = { enabled: 'on', defaultVariant: 'off', rules }
    expect((await save('new-item-page', using)).status).toBe(200)
    const list = await grace.get('/admin/flags')
    expect(list.text).toContain(`data-segment="${name}"`)
    expect(list.text).toContain('Used by new-item-page')
    const trial = await grace.get(`${pageOf('new-item-page')}?role=creator`)
    expect(trial.text).toContain('TARGETING_MATCH')
    const refused = await grace.postForm(`${path}?/delete`, { version: await versionNow() })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('rules[0].when.segment')
    expect((await save('new-item-page', { enabled: 'on', percentage: '0' })).status).toBe(200)
    const deleted = await grace.postForm(`${path}?/delete`, { version: await versionNow() })
    expect(deleted.status).toBe(303)
    expect((await grace.get('/admin/flags')).text).not.toContain('data-segment')
  })

  it('refuses what makes no sense, says where, and keeps what was typed', async () => {
    const rules = '[{"when": {"attribute": "role", "op": "like", "value": 1}, "variant": "none"}]'
    const refused = await save('new-item-page', { percentage: '101', rules, reason: 'A typo' })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('rules[0].when')
    expect(refused.text).toContain('rules[0].variant')
    expect(refused.text).toMatch(/id="field-percentage-error"/)
    expect(refused.text).toContain('value="101"')
    expect(refused.text).toContain('value="A typo"')
    const unreadable = await save('new-item-page', { rules: '[{]' })
    expect(unreadable.status).toBe(400)
    expect(unreadable.text).toMatch(/in JSON at position|is not valid JSON/)
  })

  it('shows who was quicker when two owners edit at once, and loses nothing', async () => {
    const version = await versionOf('new-item-page')
    const path = `${pageOf('new-item-page')}?/save`
    const first = { version, enabled: 'on', percentage: '10' }
    expect((await grace.postForm(path, first)).status).toBe(200)
    const second = { ...first, percentage: '20', description: 'My own words' }
    const refused = await grace.postForm(path, second)
    expect(refused.status).toBe(409)
    expect(refused.text).toContain('Somebody else changed this flag meanwhile')
    expect(refused.text).toContain('"percentage": 10')
    expect(refused.text).toContain('value="20"')
    expect(refused.text).toContain('value="My own words"')
    const [, now = ''] = /name="version" value="(\d+)"/.exec(refused.text) ?? []
    expect((await grace.postForm(path, { ...second, version: now })).status).toBe(200)
    expect((await grace.get(pageOf('new-item-page'))).text).toContain('value="20"')
  })

  it('shows history with author and reason and without an address, and reverts', async () => {
    const version = await versionOf('new-item-page')
    await save('new-item-page', { enabled: 'on', percentage: '30', reason: 'A third is enough' })
    const page = await grace.get(pageOf('new-item-page'))
    const [, history = ''] = /id="history"(.*?)<\/section>/s.exec(page.text) ?? []
    expect(history).toContain('A third is enough')
    expect(history).toContain('Changed')
    expect(history).toMatch(/Grace/)
    expect(history).not.toContain(sampleUser('grace').email)
    const now = await versionOf('new-item-page')
    const fields = { version: now, toVersion: version, reason: 'Too soon' }
    const reverted = await grace.postForm(`${pageOf('new-item-page')}?/revert`, fields)
    expect(reverted.text).toContain(`as it was in version ${version}`)
    expect(reverted.text).toContain('Too soon')
  })

  it('tries an evaluation for a user and a role', async () => {
    const trial = async (flag: string, query: string): Promise<string[]> => {
      const { text } = await grace.get(`${pageOf(flag)}?${query}`)
      return Array.from(text.matchAll(/<dd[^>]*>([^<]*)<\/dd>/g), ([, fact = '']) => fact)
    }
    const version = await versionOf('upload-size')
    expect(await trial('upload-size', 'userId=u1&role=creator')).toEqual([
      String(50 * 1024 * 1024),
      'creator',
      'TARGETING_MATCH',
      'rule',
      'creators',
      version,
    ])
    expect((await trial('maintenance-mode', 'role=visitor')).slice(0, 4)).toEqual([
      'false',
      'off',
      'DISABLED',
      'disabled',
    ])
  })
})

describe('a flag', () => {
  it('is shown to allowed users, to a share, to nobody who is blocked', async () => {
    const { client } = await signedInPerson('Layout Lou')
    const userId = await userIdOf(client)
    const shows = async (fields: Readonly<Record<string, string>>): Promise<boolean> => {
      const saved = await save('new-item-page', { enabled: 'on', ...fields })
      expect(saved.status, saved.text).toBe(200)
      return hasNewLayout(client)
    }
    expect(await shows({ percentage: '0' })).toBe(false)
    expect(await shows({ percentage: '0', allow: userId })).toBe(true)
    expect(await shows({ percentage: '100' })).toBe(true)
    expect(await shows({ percentage: '100', block: userId })).toBe(false)
    expect(await hasNewLayout(visitor())).toBe(true)
  })

  it('limits uploads per role, below the limit of the platform', async () => {
    const ada = await signedInSample('ada')
    const file = tinyPng('flagged.png')
    const variants = JSON.stringify({ all: 40, owner: 104_857_600 })
    const rules = JSON.stringify([
      { when: { attribute: 'role', op: 'eq', value: 'owner' }, variant: 'owner' },
    ])
    const saved = await save('upload-size', {
      enabled: 'on',
      variants,
      rules,
      defaultVariant: 'all',
    })
    expect(saved.status, saved.text).toBe(200)
    expect((await putUpload(ada, file)).status).toBe(413)
    expect((await ada.get('/studio')).text).toContain('up to 40 B')
    // The owner's own share stands above the platform's 25 MB, which stays the limit.
    expect((await grace.get('/studio')).text).toContain('up to 25 MB')
  })

  it('is kept by the coordinator and published to KV', async () => {
    const version = await versionOf('new-item-page')
    expect((await listKeys('flags')).map(({ name }) => name)).toEqual(['flags:development'])
    await pollUntil('KV has the newest flags', async () => {
      const value = await readValueIfThere('flags', 'flags:development')
      const ruleset = JSON.parse(value ?? '{}') as {
        readonly flags?: Readonly<Record<string, { readonly version: number }>>
      }
      return ruleset.flags?.['new-item-page']?.version === Number(version)
    })
  })

  it('costs at most one question in five seconds, however many requests there are', async () => {
    const client = visitor()
    const beganAtMs = Date.now()
    const costs = []
    for (let request = 0; request < 20; request++)
      costs.push(flagCosts(await client.get('/browse')))
    const bounds = Math.ceil((Date.now() - beganAtMs) / 5_000) + 1
    const doRequests = costs.reduce((sum, cost) => sum + cost.doRequests, 0)
    expect(doRequests).toBeLessThanOrEqual(bounds)
    expect(costs.reduce((sum, cost) => sum + cost.kvReads, 0)).toBeLessThanOrEqual(bounds)
  })

  it('tells the log who saw which variant, without saying who it was', async () => {
    const { client } = await signedInPerson('Exposed Ed')
    const userId = await userIdOf(client)
    await save('new-item-page', { enabled: 'on', percentage: '0', allow: userId })
    expect(await hasNewLayout(client)).toBe(true)
    const line = await pollUntil('the exposure is logged', async () => {
      const log = await readFile(join(inject('stateDirectory'), 'workers.log'), 'utf8')
      return log
        .split('\n')
        .find((one) => one.includes('flag_exposed') && one.includes('"decision":"allow"'))
    })
    expect(line).toMatch(/"flag":"new-item-page".*"variant":"on".*"user":"[\w-]{22}"/)
    expect(line).not.toContain(userId)
  })
})

describe('while the site is closed', () => {
  it('everybody but owners gets a page that says when to come back', async () => {
    const { client } = await signedInPerson('Waiting Wim')
    await enable('maintenance-mode', true)
    for (const [who, path] of [
      [visitor(), '/'],
      [visitor(), itemPath],
      [visitor(), '/sign-up'],
      [client, '/account'],
    ] as const) {
      const { status, headers, text } = await who.get(path)
      expect(status, path).toBe(503)
      expect(text).toContain('We will be right back')
      expect(headers.get('retry-after')).toBe('120')
      expect(headers.get('cache-control')).toContain('no-store')
    }
    const refused = await client.postForm(`${itemPath}?/buy`)
    expect(refused.status).toBe(503)
    const call = await visitor().get('/api/content')
    expect(call.status).toBe(503)
    expect(call.headers.get('content-type')).toBe('application/problem+json')
  })

  it('owners sign in, use the site and open it again; monitors, webhooks and files go on', async () => {
    await enable('maintenance-mode', true)
    expect((await visitor().get('/healthz')).status).toBe(200)
    expect((await visitor().get('/favicon.svg')).status).toBe(200)
    expect((await visitor().postJson('/webhooks/stripe', {})).status).toBe(400)
    const signInPage = await visitor().get('/sign-in?next=/admin/flags')
    expect(signInPage.status).toBe(200)
    expect(signInPage.text).toContain('Password')
    const owner = visitor()
    expect((await signIn(owner, sampleUser('grace'))).status).toBe(303)
    for (const path of ['/', itemPath, '/admin', '/admin/flags']) {
      expect((await owner.get(path)).status, path).toBe(200)
    }
    const version = await versionOf('maintenance-mode')
    const fields = { name: 'maintenance-mode', version, enabled: 'false' }
    expect((await owner.postForm('/admin/flags?/switch', fields)).status).toBe(200)
    expect((await visitor().get('/')).status).toBe(200)
  })
})

describe('while the flags’ authority answers nothing', () => {
  it.each([true, false])('a site that is closed=%s stays so', async (closed) => {
    await enable('maintenance-mode', closed)
    const expected = closed ? 503 : 200
    expect((await visitor().get('/')).status).toBe(expected)
    await switchOutage(true)
    // Until it was asked, five seconds after it last answered, and did not answer.
    await pollUntil('the flags are stale', async () => {
      const response = await visitor().get('/sign-in')
      return response.headers.get('x-codex-flags')?.startsWith('stale')
    })
    expect((await visitor().get('/')).status).toBe(expected)
  })

  it('the page of flags says so, and changes nothing', async () => {
    const version = await versionOf('new-item-page')
    await switchOutage(true)
    const page = await grace.get('/admin/flags')
    expect(page.status).toBe(200)
    expect(page.text).toContain('authority does not answer')
    const fields = { version, enabled: 'on', percentage: '50', description: 'Kept' }
    const refused = await grace.postForm(`${pageOf('new-item-page')}?/save`, fields)
    expect(refused.status).toBe(503)
    expect(refused.text).toContain('value="Kept"')
    await switchOutage(false)
    expect(await versionOf('new-item-page')).toBe(version)
  })
})
