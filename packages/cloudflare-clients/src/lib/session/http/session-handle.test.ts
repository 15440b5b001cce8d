import { describe, expect, test, vi } from 'vitest'
import { ScriptedSessionStore } from '../../../../test/support/scripted-session-store.ts'
import type { RequestSessions } from './request-sessions.ts'
import type { SessionGateOptions } from './session-gate.ts'
import { sessionHandle } from './session-handle.ts'

interface Event {
  readonly request: Request
  readonly locals: { sessions: RequestSessions }
  readonly isSubRequest: boolean
  readonly isDataRequest: boolean
}

interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly isSubRequest?: boolean
  readonly isDataRequest?: boolean
}

function createEvent({
  method = 'GET',
  headers = {},
  isSubRequest = false,
  isDataRequest = false,
}: Sent): Event {
  return {
    request: new Request('https://example.com/account', {
      method,
      headers: { Cookie: '__Host-session=old', ...headers },
    }),
    // As SvelteKit gives them to the first handle.
    locals: {} as Event['locals'],
    isSubRequest,
    isDataRequest,
  }
}

type Load = (event: Event) => Promise<Response>
const readSession: Load = async ({ locals }) =>
  new Response((await locals.sessions.get())?.userId ?? 'nobody')

/** Answers an error in `load` as SvelteKit does: with a page, or among the data. */
function resolveWith(load: Load) {
  return vi.fn(async (event: Event) => {
    try {
      return await load(event)
    } catch {
      return event.isDataRequest
        ? Response.json({ type: 'data', nodes: [{ type: 'error' }] })
        : new Response('Internal Error', { status: 500 })
    }
  })
}

function setUp(options: SessionGateOptions<Event> = {}) {
  const store = new ScriptedSessionStore()
  store.add('old')
  const handle = sessionHandle<unknown, Event>(store, options)
  const answer = async (sent: Sent = {}, load: Load = readSession) => {
    const event = createEvent(sent)
    const resolve = resolveWith(load)
    return { event, resolve, response: await handle({ event, resolve }) }
  }
  return { store, handle, answer }
}

const sameOrigin = { 'Sec-Fetch-Site': 'same-origin' }

describe('the SvelteKit handle', () => {
  test('gives a page its session, and makes its response private', async () => {
    const { store, answer } = setUp()
    const { response, resolve, event } = await answer()
    expect(resolve.mock.calls).toEqual([[event]])
    expect(await response.text()).toBe('ada')
    expect(response.headers.get('Cache-Control')).toBe('private, no-store')
    expect(response.headers.getSetCookie()).toEqual([])
    expect(store.asked).toEqual([['validate', 'old', { cookieHeader: '__Host-session=old' }]])
  })

  test('asks nothing for a page that reads no session, which may be cached', async () => {
    const { store, answer } = setUp()
    const headers = { 'Cache-Control': 'public, max-age=60' }
    const { response } = await answer({}, () => Promise.resolve(new Response('page', { headers })))
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=60')
    expect(store.asked).toEqual([])
  })

  test('judges an action strictly and sets its cookies', async () => {
    const { store, answer } = setUp()
    const { response } = await answer(
      { method: 'POST', headers: sameOrigin },
      async ({ locals }) => {
        await locals.sessions.rotate()
        return Response.redirect('https://example.com/', 303)
      },
    )
    expect(store.asked[0]).toEqual([
      'validate',
      'old',
      { cookieHeader: '__Host-session=old', freshness: 'strict' },
    ])
    expect(response.status).toBe(303)
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringContaining('__Host-session=new-1;'),
      expect.stringContaining('__Host-session-copy=sealed-copy;'),
    ])
  })

  test('takes a store from the event', async () => {
    const store = new ScriptedSessionStore()
    store.add('old', 'grace')
    const event = createEvent({})
    const seen: Event[] = []
    const handle = sessionHandle<unknown, Event>((given) => {
      seen.push(given)
      return store
    })
    expect(await (await handle({ event, resolve: readSession })).text()).toBe('grace')
    expect(seen).toEqual([event])
  })
})

describe('a request of another site', () => {
  const crossSite = { 'Sec-Fetch-Site': 'cross-site' }

  test('is refused, and resolves nothing', async () => {
    const { store, answer } = setUp()
    const { response, resolve } = await answer({ method: 'POST', headers: crossSite })
    expect(response.status).toBe(403)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ title: 'Forbidden', status: 403 })
    expect(resolve).not.toHaveBeenCalled()
    expect(store.asked).toEqual([])
  })

  test('is answered by the app where it wants to', async () => {
    const { answer } = setUp({
      onCsrf: (response, reason) => new Response(reason, { status: response.status }),
    })
    const { response } = await answer({ method: 'POST', headers: crossSite })
    expect([response.status, await response.text()]).toEqual([403, 'cross_site'])
  })

  test('passes where it reads, where it is trusted, and where there is no check', async () => {
    expect((await setUp().answer({ headers: crossSite })).response.status).toBe(200)
    const headers = { ...crossSite, Origin: 'https://admin.example.com' }
    const trusting = setUp({ csrf: { trustedOrigins: ['https://admin.example.com'] } })
    expect((await trusting.answer({ method: 'POST', headers })).response.status).toBe(200)
    const unchecked = setUp({ csrf: false })
    expect((await unchecked.answer({ method: 'POST', headers })).response.status).toBe(200)
  })

  test('is none that SvelteKit makes itself for a page', async () => {
    const { answer } = setUp()
    expect((await answer({ method: 'POST' })).response.status).toBe(403)
    const { response } = await answer({ method: 'POST', isSubRequest: true })
    expect(await response.text()).toBe('ada')
  })
})

describe('while sessions cannot be judged', () => {
  test('a page is answered 503, and its cookie stays', async () => {
    const { store, answer } = setUp()
    store.failWith('unavailable')
    const { response } = await answer()
    expect(response.status).toBe(503)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(response.headers.getSetCookie()).toEqual([])
  })

  test('the data of a page is answered 503 too, not with an error among it', async () => {
    const { store, answer } = setUp()
    expect((await answer({ isDataRequest: true })).response.status).toBe(200)
    store.failWith('unavailable')
    expect((await answer({ isDataRequest: true })).response.status).toBe(503)
  })

  test('the app may answer itself', async () => {
    const { store, answer } = setUp({
      onUnavailable: (given) => new Response('Please try again', given),
    })
    store.failWith('unavailable')
    const { response } = await answer()
    expect([response.status, await response.text()]).toEqual([503, 'Please try again'])
  })

  test('the app may have its own error thrown, and its page is kept', async () => {
    const { store, answer } = setUp({ toUnavailableError: () => new Error('503') })
    store.failWith('unavailable')
    const { response } = await answer({}, ({ locals }) =>
      locals.sessions.get().then(
        () => new Response('page'),
        () => new Response('error page', { status: 503 }),
      ),
    )
    expect(await response.text()).toBe('error page')
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(response.headers.get('Cache-Control')).toBe('private, no-store')
  })

  test('what the app made of its own error is kept, whatever its status', async () => {
    const { store, answer } = setUp({ toUnavailableError: () => new Error('own') })
    store.failWith('unavailable')
    const { response } = await answer()
    expect([response.status, await response.text()]).toEqual([500, 'Internal Error'])
  })

  test('another fault is not taken for it', async () => {
    const { store, answer } = setUp()
    const bug: Load = () => Promise.reject(new Error('a bug'))
    expect((await answer({}, bug)).response.status).toBe(500)
    store.failWith('no_authority')
    expect((await answer()).response.status).toBe(500)
  })

  test('a handle after it may throw', async () => {
    const { store, handle } = setUp()
    const failure = store.failWith('unavailable')
    const resolve: Load = async (event) => new Response((await event.locals.sessions.get())?.id)
    expect((await handle({ event: createEvent({}), resolve })).status).toBe(503)
    const bug = new Error('a bug')
    await expect(
      handle({ event: createEvent({}), resolve: () => Promise.reject(bug) }),
    ).rejects.toBe(bug)
    const own = setUp({ toUnavailableError: () => failure })
    own.store.failWith('unavailable')
    await expect(own.handle({ event: createEvent({}), resolve })).rejects.toBe(failure)
  })
})

test.for([
  [null, {}, 'store must be a SessionStore, received null'],
  [{}, {}, 'store must be a SessionStore, received object'],
  [
    new ScriptedSessionStore(),
    { csrf: { trustedOrigins: ['*'] } },
    'trustedOrigins must hold origins',
  ],
] as const)('refuses at once what it cannot work with: %#', ([store, options, message]) => {
  expect(() => sessionHandle<unknown, Event>(store as ScriptedSessionStore, options)).toThrow(
    TypeError,
  )
  expect(() => sessionHandle<unknown, Event>(store as ScriptedSessionStore, options)).toThrow(
    message,
  )
})

test('refuses a store that an event does not have', async () => {
  const handle = sessionHandle<unknown, Event>(() => undefined as unknown as ScriptedSessionStore)
  await expect(handle({ event: createEvent({}), resolve: readSession })).rejects.toThrow(
    'Cannot handle sessions: store must be a SessionStore, received undefined',
  )
})
