import {
  createDraft,
  isSignedIn,
  listCategory,
  publishItem,
  sampleUser,
  signIn,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

async function switchOutage(on: boolean): Promise<void> {
  expect((await visitor().postJson('/dev/kv-outage', { on })).status).toBe(200)
}

describe('while KV throws on every call', () => {
  beforeAll(() => switchOutage(true))
  afterAll(() => switchOutage(false))

  it.each(['/', '/browse', '/browse/courses', '/sign-in', '/sign-up', '/api/content', '/healthz'])(
    '%s is served',
    async (path) => {
      expect((await visitor().get(path)).status).toBe(200)
    },
  )

  it('an item and its creator are served', async () => {
    const client = visitor()
    const [item] = await listCategory(client, 'courses')
    expect((await client.get(`/item/${item?.slug ?? ''}`)).status).toBe(200)
    expect((await client.get('/creator/ada')).status).toBe(200)
  })

  it('people register, sign in, and sign out', async () => {
    const { client, person } = await signedInPerson('Outage Visitor')
    expect(await isSignedIn(client)).toBe(true)
    const copy = await client.copy()
    await client.postForm('/sign-out')
    expect(await isSignedIn(client)).toBe(false)
    expect(await isSignedIn(copy)).toBe(false)
    expect((await signIn(visitor(), person)).status).toBe(303)
  })

  it('creators publish and what they publish is seen', async () => {
    const ada = await signedInSample('ada')
    const title = `Published in the dark ${crypto.randomUUID().slice(0, 8)}`
    const itemPath = await createDraft(ada, {
      title,
      categoryId: 'sample-category-writing',
      price: '2',
    })
    expect((await publishItem(ada, itemPath)).status).toBe(200)
    expect((await visitor().get('/browse/writing')).text).toContain(title)
  })
})

it('who was signed in before stays signed in through an outage and after it', async () => {
  const client = visitor()
  await signIn(client, sampleUser('ingrid'))
  await switchOutage(true)
  try {
    expect(await isSignedIn(client)).toBe(true)
  } finally {
    await switchOutage(false)
  }
  expect(await isSignedIn(client)).toBe(true)
})
