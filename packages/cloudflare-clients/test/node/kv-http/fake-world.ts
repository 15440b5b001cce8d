import {
  createHttpKVNamespace,
  createKVNamespaceAdmin,
  createRequestPacer,
  type HttpKVNamespace,
  type KVHttpOptions,
  type KVHttpRequestEvent,
  type KVNamespaceAdmin,
} from '@codex/cloudflare-clients/kv-http'
import { createVirtualClock, type VirtualClock } from '@codex/cloudflare-clients/testing'
import {
  createFakeKVApi,
  type FakeFault,
  type FakeKVApi,
  type FakeNamespace,
  type FakeRequest,
} from '@codex/fake-kv-api'
import { onTestFinished } from 'vitest'
// The client loads it at its first request, which takes long on a busy machine, and the clock would go on meanwhile.
import 'undici'

/** A fake of the API over real HTTP, on a clock that moves when nothing else is left to do. */
export interface FakeWorld {
  readonly api: FakeKVApi
  readonly clock: VirtualClock
  readonly namespace: FakeNamespace
  readonly kv: HttpKVNamespace
  readonly admin: KVNamespaceAdmin
  readonly events: KVHttpRequestEvent[]
  /** Methods and paths of what was sent so far, after `/storage/kv/namespaces`. */
  readonly sent: () => string[]
  readonly open: (options?: KVHttpOptions) => HttpKVNamespace
  /** As the clients are opened. */
  readonly options: KVHttpOptions
}

interface FakeWorldOptions {
  /** What goes wrong with the requests, in their order; then nothing does. */
  readonly faults?: readonly (FakeFault | undefined)[]
  readonly onRequest?: (request: FakeRequest) => FakeFault | undefined
  readonly requestsPer5Minutes?: number
}

/** Turns in which a request goes to the server and back, on a busy machine too. */
const turnsPerStep = 250

export async function createFakeWorld(options: FakeWorldOptions = {}): Promise<FakeWorld> {
  const clock = createVirtualClock({ turnsPerStep })
  const faults = [...(options.faults ?? [])]
  const { requestsPer5Minutes = Infinity } = options
  const api = await createFakeKVApi({
    now: clock.now,
    setTimeout: clock.setTimeout,
    onRequest: options.onRequest ?? (() => faults.shift()),
    requestsPer5Minutes,
  })
  onTestFinished(() => api.close())
  const events: KVHttpRequestEvent[] = []
  const shared = {
    accountId: api.accountId,
    auth: { apiToken: api.apiToken },
    baseUrl: api.url,
    env: {},
    now: clock.now,
    random: () => 1,
    timers: clock,
    pacer: createRequestPacer({ now: clock.now, timers: clock, requestsPer5Minutes: 1_000_000 }),
    onRequest: (event: KVHttpRequestEvent) => {
      events.push(event)
    },
  } satisfies KVHttpOptions
  const namespace = api.addNamespace('settings')
  const open = (more: KVHttpOptions = {}): HttpKVNamespace =>
    createHttpKVNamespace({ ...shared, ...more, namespaceId: namespace.id })
  return {
    api,
    clock,
    namespace,
    kv: open(),
    admin: createKVNamespaceAdmin(shared),
    events,
    open,
    options: shared,
    sent: () =>
      api.requests.map(
        ({ method, path }) =>
          `${method} ${path.replace('/storage/kv/namespaces', '').replace(namespace.id, '{id}')}`,
      ),
  }
}

/** What a call rejects with. */
export async function errorOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('It did not fail')
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
