import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  countInLibrary,
  isSignedIn,
  listCategory,
  newPerson,
  paidCheckoutEvent,
  putUpload,
  sampleUser,
  sendWebhook,
  signIn,
  signUp,
  SiteClient,
  type Stack,
  startStack,
  tinyPng,
  verifyByMail,
  waitForProcessing,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let stateDirectory: string
let stack: Stack

/** A stack of its own: a binding is there or not from the start. */
beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'codex-without-kv-'))
  stack = await startStack({ stateDirectory, without: ['kv'] })
})

afterAll(async () => {
  await stack.stop()
  await rm(stateDirectory, { recursive: true, force: true })
})

function visitor(): SiteClient {
  return new SiteClient(stack.url)
}

describe('without any KV namespace bound', () => {
  it.each(['/', '/browse', '/browse/courses', '/creator/ada', '/api/content'])(
    '%s is served',
    async (path) => {
      expect((await visitor().get(path)).status).toBe(200)
    },
  )

  it('people register, confirm, sign in, and sign out', async () => {
    const client = visitor()
    const person = newPerson('Nobody Cached')
    await signUp(client, person)
    await verifyByMail(client, person.email)
    expect((await signIn(client, person)).status).toBe(303)
    expect(await isSignedIn(client)).toBe(true)
    await client.postForm('/sign-out')
    expect(await isSignedIn(client)).toBe(false)
  })

  it('a purchase arrives once in the library', async () => {
    const sam = visitor()
    await signIn(sam, sampleUser('sam'))
    const items = await listCategory(sam, 'sample-packs')
    const counts = await Promise.all(items.map((item) => countInLibrary(sam, item)))
    const item = items.find(({ priceCents }, index) => priceCents > 0 && counts[index] === 0)
    if (item === undefined) throw new Error('Expected an item that was not bought yet')
    const event = paidCheckoutEvent({
      userId: sampleUser('sam').id,
      contentId: item.id,
      amountCents: item.priceCents,
    })
    expect((await sendWebhook(visitor(), event)).status).toBe(200)
    expect((await sendWebhook(visitor(), event)).status).toBe(200)
    expect(await countInLibrary(sam, item)).toBe(1)
  })

  it('an upload is processed', async () => {
    const ada = visitor()
    await signIn(ada, sampleUser('ada'))
    const { mediaId } = JSON.parse((await putUpload(ada, tinyPng('leaf.png'))).text) as {
      mediaId: string
    }
    expect((await waitForProcessing(ada, mediaId)).at(-1)).toBe('ready')
  })

  it('wrong passwords are still limited, by the coordinator', async () => {
    const statuses: number[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      const response = await signIn(visitor(), { ...sampleUser('lin'), password: 'wrong-password' })
      statuses.push(response.status)
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
  })

  it('the flags are those that the app brings, and no change is taken that nobody would see', async () => {
    const grace = visitor()
    expect((await signIn(grace, sampleUser('grace'))).status).toBe(303)
    const page = await grace.get('/admin/flags')
    expect(page.status).toBe(200)
    expect(page.text).toContain('As the app brings them')
    const fields = { name: 'maintenance-mode', version: '0', enabled: 'true' }
    expect((await grace.postForm('/admin/flags?/switch', fields)).status).toBe(503)
    expect((await visitor().get('/browse')).status).toBe(200)
  })

  it('every worker says so once for each binding', () => {
    const bindings = stack.logs
      .toString()
      .split('\n')
      .filter((line) => line.includes('kv_not_bound'))
    // The web app has four, the webhook worker three, the queue consumer two.
    expect(bindings).toHaveLength(9)
  })
})
