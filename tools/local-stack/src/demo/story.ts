import {
  isSignedIn,
  newPerson,
  type Person,
  sampleUser,
  signIn,
  signUp,
  verifyByMail,
} from '../story/accounts.ts'
import { paidCheckoutEvent } from '../story/checkout-event.ts'
import { enterWindow } from '../story/rate-limit-window.ts'
import { countInLibrary, listCategory } from '../story/shelves.ts'
import type { SiteClient, SiteResponse } from '../story/site-client.ts'
import { sendWebhook } from '../story/stripe-webhook.ts'
import { createDraft, publishItem, putUpload, tinyPng, waitForProcessing } from '../story/studio.ts'
import { type DemoRun, expectSame, UnexpectedError } from './demo-run.ts'

const loginLimit = { attempts: 5, windowSeconds: 900, neededSeconds: 20 }

/** Someone the story has followed so far. */
export interface SignedInPerson {
  readonly visitor: SiteClient
  readonly nora: Person
}

/** Accounts and sessions: from registering to the second page view. */
export async function tellAccountStory(run: DemoRun): Promise<SignedInPerson> {
  const visitor = run.visitor()
  const nora = newPerson('Nora Vale')
  const note = (line: string): void => {
    run.note(line)
  }

  await run.step('register', async () => {
    const response = await signUp(visitor, nora)
    expectSame('where the sign-up leads', { expected: '/check-mail', got: response.location })
    expectSame('signed in before the address is confirmed', {
      expected: false,
      got: await isSignedIn(visitor),
    })
    return `303 to /check-mail; not signed in yet`
  })

  await run.step('verify by mail', async () => {
    const response = await verifyByMail(visitor, nora.email)
    expectSame('where the confirmation leads', {
      expected: '/sign-in?verified=1',
      got: response.location,
    })
    return 'the link in the dev outbox confirmed the address'
  })

  await run.step('sign in', async () => {
    const response = await signIn(visitor, nora)
    expectSame('where the sign-in leads', { expected: '/library', got: response.location })
    return 'a session cookie was set'
  })

  const secondView = 'view a page again: the session comes from the cache'
  await run.step('view a page', async () => {
    const response = await visitor.get('/')
    expectSame('the page', { expected: 200, got: response.status })
    return `signed in, ${describeQueries(response)}`
  })
  await run.step(secondView, async () => {
    const response = await visitor.get('/')
    expectSame('the visitor is signed in on the page', {
      expected: true,
      got: response.text.includes('Sign out'),
    })
    expectSame('database queries', { expected: 0, got: d1Queries(response) })
    return 'signed in, 0 database queries'
  })

  await run.step('five wrong passwords, then no more', async () => {
    await enterWindow({ ...loginLimit, log: note })
    const guesser = run.visitor()
    const sam = sampleUser('sam')
    for (let attempt = 1; attempt <= loginLimit.attempts; attempt++) {
      const { status } = await signIn(guesser, { email: sam.email, password: 'a wrong guess' })
      expectSame(`attempt ${attempt}`, { expected: 401, got: status })
    }
    // The right password is of no more use than a wrong one now.
    const refused = await signIn(guesser, sam)
    expectSame('attempt 6', { expected: 429, got: refused.status })
    const retryAfter = Number(refused.headers.get('retry-after'))
    if (!(retryAfter > 0 && retryAfter <= loginLimit.windowSeconds)) {
      throw new UnexpectedError('Retry-After', {
        expected: `1 to ${loginLimit.windowSeconds} s`,
        got: refused.headers.get('retry-after'),
      })
    }
    return `5 × 401, then 429 with Retry-After: ${retryAfter}`
  })
  return { visitor, nora }
}

/** Content: a cached list, publishing, an upload that is processed in the background, a purchase. */
export async function tellContentStory(run: DemoRun): Promise<void> {
  const reader = run.visitor()
  const ada = run.visitor()
  const lin = run.visitor()
  const categorySlug = 'courses'
  const shelf = `/browse/${categorySlug}`
  await signIn(ada, sampleUser('ada'))
  await signIn(lin, sampleUser('lin'))
  const title = `Demo item ${crypto.randomUUID().slice(0, 8)}`
  const itemPath = await createDraft(ada, {
    title,
    categoryId: `sample-category-${categorySlug}`,
    price: '12',
  })

  await run.step('list a category: a miss', async () => {
    const response = await reader.get(shelf)
    expectSame('the page', { expected: 200, got: response.status })
    expectSame('database queries were made', { expected: true, got: d1Queries(response) > 0 })
    expectSame('the draft is on it', { expected: false, got: response.text.includes(title) })
    return describeQueries(response)
  })
  await run.step('list it again: a hit', async () => {
    const response = await reader.get(shelf)
    expectSame('database queries', { expected: 0, got: d1Queries(response) })
    return '0 database queries'
  })
  await run.step('publish an item', async () => {
    const response = await publishItem(ada, itemPath)
    expectSame('publishing', { expected: 200, got: response.status })
    return 'the draft is published, the cached lists it belongs to are gone'
  })
  await run.step('list the category once more', async () => {
    const response = await reader.get(shelf)
    expectSame('the item is on it', { expected: true, got: response.text.includes(title) })
    expectSame('database queries were made', { expected: true, got: d1Queries(response) > 0 })
    return `the new item is there at once, ${describeQueries(response)}`
  })

  await run.step('upload a file, which the queue processes', async ({ workerSpent }) => {
    const uploaded = await putUpload(ada, tinyPng())
    expectSame('the upload', { expected: 201, got: uploaded.status })
    const { mediaId } = JSON.parse(uploaded.text) as { mediaId: string }
    const statuses = await waitForProcessing(ada, mediaId)
    expectSame('the last status', { expected: 'ready', got: statuses.at(-1) })
    await workerSpent('queue-consumer')
    return `status went ${statuses.join(' → ')}`
  })

  const [item] = await listCategory(reader, categorySlug)
  if (item?.title !== title) {
    throw new UnexpectedError('the newest item', { expected: title, got: item?.title ?? 'none' })
  }
  const event = paidCheckoutEvent({
    userId: sampleUser('lin').id,
    contentId: item.id,
    amountCents: item.priceCents,
  })
  await run.step('a signed webhook puts the item into the library', async ({ workerSpent }) => {
    expectSame('in the library before', { expected: 0, got: await countInLibrary(lin, item) })
    const response = await sendWebhook(lin, event)
    expectSame('the webhook', { expected: 200, got: response.status })
    expectSame('in the library after', { expected: 1, got: await countInLibrary(lin, item) })
    await workerSpent('webhook-handler')
    return `200 ${response.text}; the item is in the library`
  })
  await run.step('the same webhook again changes nothing', async ({ workerSpent }) => {
    const response = await sendWebhook(lin, event)
    expectSame('the webhook', {
      expected: [200, { received: true, duplicate: true }],
      got: [response.status, JSON.parse(response.text)],
    })
    expectSame('in the library', { expected: 1, got: await countInLibrary(lin, item) })
    await workerSpent('webhook-handler')
    return `200 ${response.text}; still once in the library`
  })
  await run.step('a webhook with a broken signature is refused', async ({ workerSpent }) => {
    const response = await sendWebhook(lin, event, { secret: 'whsec_somebody_else' })
    expectSame('the webhook', { expected: 400, got: response.status })
    await workerSpent('webhook-handler')
    return `400 ${(JSON.parse(response.text) as { error: string }).error}`
  })
}

/** Changing a password ends what was signed in before. */
export async function tellPasswordStory(
  run: DemoRun,
  { visitor, nora }: SignedInPerson,
): Promise<void> {
  await run.step('a password change refuses every older session', async () => {
    const phone = run.visitor()
    await signIn(phone, nora)
    const thief = run.adopt(await visitor.copy())
    for (const client of [visitor, phone, thief]) {
      expectSame('signed in before', { expected: true, got: await isSignedIn(client) })
    }
    const response = await visitor.postForm('/account?/changePassword', {
      currentPassword: nora.password,
      newPassword: `${nora.password} again`,
    })
    expectSame('where the change leads', { expected: '/account?changed', got: response.location })
    expectSame('this device stays signed in', { expected: true, got: await isSignedIn(visitor) })
    expectSame('the other device', { expected: false, got: await isSignedIn(phone) })
    expectSame('a copy of the old cookie', { expected: false, got: await isSignedIn(thief) })
    return 'the other device and a copied cookie are signed out, this device goes on'
  })
}

/** KV fails on every call: the site goes on from the database. */
export async function tellOutageStory(run: DemoRun): Promise<void> {
  const yuki = run.visitor()
  const reader = run.visitor()
  const ada = run.visitor()
  await signIn(ada, sampleUser('ada'))

  await run.step('KV throws on every call, and the site still serves', async () => {
    const off = await reader.postJson('/dev/kv-outage', { on: true })
    expectSame('the outage is on', { expected: 200, got: off.status })
    try {
      for (const path of ['/', '/browse', '/browse/courses']) {
        const response = await reader.get(path)
        expectSame(`GET ${path}`, { expected: 200, got: response.status })
      }
      expectSame('who was signed in still is', { expected: true, got: await isSignedIn(ada) })
      const response = await signIn(yuki, sampleUser('yuki'))
      expectSame('a sign-in leads to', { expected: '/library', got: response.location })
      expectSame('who signs in now is', { expected: true, got: await isSignedIn(yuki) })
    } finally {
      await reader.postJson('/dev/kv-outage', { on: false })
    }
    return 'public pages, a running session and a new sign-in all worked from the database'
  })
  await run.step('KV is back', async () => {
    expectSame('the session from the outage', { expected: true, got: await isSignedIn(yuki) })
    return 'the session made during the outage goes on'
  })
}

function d1Queries(response: SiteResponse): number {
  if (response.operations === null) throw new Error('Expected the answer to say what it cost')
  return response.operations.d1Queries
}

function describeQueries(response: SiteResponse): string {
  const queries = d1Queries(response)
  return `${queries} database ${queries === 1 ? 'query' : 'queries'}`
}
