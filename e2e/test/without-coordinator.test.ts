import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  enterWindow,
  isSignedIn,
  putUpload,
  sampleUser,
  signIn,
  SiteClient,
  type Stack,
  startStack,
  tinyPng,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let stateDirectory: string
let stack: Stack

/** A stack of its own: a binding is there or not from the start. */
beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'codex-without-coordinator-'))
  stack = await startStack({ stateDirectory, without: ['coordinator'] })
})

afterAll(async () => {
  await stack.stop()
  await rm(stateDirectory, { recursive: true, force: true })
})

function visitor(): SiteClient {
  return new SiteClient(stack.url)
}

async function signedIn(name: string): Promise<SiteClient> {
  const client = visitor()
  expect((await signIn(client, sampleUser(name))).status).toBe(303)
  return client
}

describe('without the coordinator bound', () => {
  it('sign-in, the API and uploads work, counted in KV', async () => {
    const ada = await signedIn('ada')
    const call = await ada.get('/api/content')
    expect(call.headers.get('ratelimit')).toMatch(/^"api";r=99;t=\d+$/)
    expect(call.operations?.doRequests).toBe(0)
    expect((await putUpload(ada, tinyPng())).status).toBe(201)
  })

  it('wrong passwords are limited, and the owner resets the count', async () => {
    await enterWindow({ windowSeconds: 900, neededSeconds: 20 })
    const lin = sampleUser('lin')
    const statuses: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      const response = await signIn(visitor(), { ...lin, password: 'wrong-password' })
      statuses.push(response.status)
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429])
    const grace = await signedIn('grace')
    const reset = await grace.postForm('/admin?/resetLimit', { who: lin.email, policy: 'login' })
    expect(reset.status).toBe(200)
    expect((await signIn(visitor(), lin)).status).toBe(303)
  })

  it('the owner reads that counts in KV cannot be looked up or blocked', async () => {
    const grace = await signedIn('grace')
    const target = { who: sampleUser('lin').email, policy: 'login', minutes: '5' }
    const shown = await grace.postForm('/admin?/lookUpLimits', target)
    expect(shown.status).toBe(200)
    expect(shown.text).toContain('counted in KV here, which cannot be read')
    const blocked = await grace.postForm('/admin?/blockLimit', target)
    expect(blocked.status).toBe(502)
    expect(blocked.text).toContain('they can be reset only')
  })

  it('sessions are kept in KV, where they are listed, ended and confirmed', async () => {
    const [here, there] = [await signedIn('sam'), await signedIn('sam')]
    const page = await here.get('/account')
    expect(page.text).toContain('It may take a minute or more')
    expect((await here.postForm('/account?/revokeOthers')).status).toBe(200)
    expect(await isSignedIn(there)).toBe(false)
    const { password } = sampleUser('sam')
    const confirmed = await here.postForm('/confirm-password', { password, next: '/library' })
    expect(confirmed.location).toBe('/library')
    expect(await isSignedIn(here)).toBe(true)
    await here.postForm('/sign-out')
    expect(await isSignedIn(here)).toBe(false)
  })

  it('nobody can sign everyone out', async () => {
    const grace = await signedIn('grace')
    expect((await grace.get('/admin')).text).not.toContain('Sign out everyone')
    const tried = await grace.postForm('/admin?/signOutEveryone', { confirmation: 'everyone' })
    expect(tried.status).toBe(502)
  })

  it('flags are kept in KV, without a history and without strict ones', async () => {
    const grace = await signedIn('grace')
    const path = '/admin/flags/new-item-page'
    expect((await grace.get(path)).text).toContain('flags are kept in KV alone here')
    const fields = { version: '0', enabled: 'on', percentage: '100' }
    expect((await grace.postForm(`${path}?/save`, fields)).status).toBe(200)
    const page = await grace.get(path)
    expect(page.text).toContain('value="100"')
    const [, version = ''] = /name="version" value="(\d+)"/.exec(page.text) ?? []
    const strict = { ...fields, version, withinSeconds: '5' }
    const refused = await grace.postForm(`${path}?/save`, strict)
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('needs the coordinator')
    // What the app brings is stored with the first change, without its strictness.
    const { text } = await grace.get('/admin/flags')
    expect(text).toContain('“customer” for all others')
    expect(text).not.toContain('Strict within')
  })

  it('nobody can publish configurations', async () => {
    const response = await visitor().get('/api/config/document?name=config:queue-consumer')
    expect(response.status).toBe(404)
  })

  it('the web app says so once', () => {
    const lines = stack.logs.toString().split('\n')
    for (const what of ['limiter', 'sessions', 'flags', 'config']) {
      expect(lines.filter((line) => line.includes(`${what}_not_bound`))).toHaveLength(1)
    }
    expect(stack.logs.toString()).not.toContain('kv_not_bound')
  })
})
