import { expect, test, vi } from 'vitest'
import { nowMs, ScriptedLimiter } from '../../../../test/support/scripted-limiter.ts'
import { clientIp } from '../identifiers/client-ip.ts'
import { svelteKitRateLimit } from './svelte-kit-rate-limit.ts'

interface Event {
  readonly request: Request
  readonly isSubRequest?: boolean
  getClientAddress(): string
}

function eventFrom(headers: Record<string, string> = {}, isSubRequest?: boolean): Event {
  return {
    request: new Request('https://example.com/', { headers }),
    getClientAddress: () => '127.0.0.1',
    ...(isSubRequest === undefined ? {} : { isSubRequest }),
  }
}

function setUp(options: { readonly subRequests?: 'skip' | 'limit' } = {}) {
  const limiter = new ScriptedLimiter()
  const resolve = vi.fn((_event: Event) => new Response('page'))
  const handle = svelteKitRateLimit<Event>({
    limiter: () => limiter,
    identify: (request, event) =>
      clientIp(request, { socketAddress: () => event.getClientAddress() }),
    policies: { limit: 1, window: 60, keyPrefix: 'pages' },
    now: () => nowMs,
    ...options,
  })
  return { limiter, resolve, handle }
}

test('resolves what is admitted with the same event and puts the fields on its response', async () => {
  const { handle, resolve } = setUp()
  const event = eventFrom({ 'CF-Connecting-IP': '203.0.113.7' })
  const response = await handle({ event, resolve })
  expect(resolve.mock.calls[0]?.[0]).toBe(event)
  expect(await response.text()).toBe('page')
  expect(response.headers.get('RateLimit')).toBe('"pages";r=0;t=30')
})

test('resolves nothing for what is denied', async () => {
  const { handle, resolve, limiter } = setUp()
  await handle({ event: eventFrom(), resolve })
  const response = await handle({ event: eventFrom(), resolve })
  expect(response.status).toBe(429)
  expect(resolve).toHaveBeenCalledTimes(1)
  expect(limiter.asked).toEqual(['pages 127.0.0.1', 'pages 127.0.0.1'])
})

test('resolves nothing for a client that has no address of its own', async () => {
  const { handle, resolve } = setUp()
  const event = eventFrom({ 'CF-Connecting-IP': '2a06:98c0:3600::103' })
  expect((await handle({ event, resolve })).status).toBe(403)
  expect(resolve).not.toHaveBeenCalled()
})

test('counts the calls that a page makes to its own endpoints as part of the page', async () => {
  const { handle, resolve, limiter } = setUp()
  for (let call = 0; call < 3; call++) {
    const response = await handle({ event: eventFrom({}, true), resolve })
    expect(response.status).toBe(200)
  }
  expect(limiter.asked).toEqual([])
})

test('limits those calls where that is asked for', async () => {
  const { handle, resolve } = setUp({ subRequests: 'limit' })
  await handle({ event: eventFrom({}, true), resolve })
  expect((await handle({ event: eventFrom({}, true), resolve })).status).toBe(429)
})
