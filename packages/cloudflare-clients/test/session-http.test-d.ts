import type { Handle, RequestEvent } from '@sveltejs/kit'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { expectTypeOf } from 'vitest'
import {
  honoSessions,
  type RequestSessions,
  type RequestSessionStore,
  sessionHandle,
} from '../src/session.ts'

// The middlewares know no framework. That they fit into each is held here, by `pnpm typecheck`.

interface Cart {
  readonly items: readonly string[]
}
declare const store: RequestSessionStore<Cart>

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- It is how SvelteKit is told of its locals.
  namespace App {
    interface Locals {
      sessions: RequestSessions<Cart>
    }
  }
}

const handle: Handle = sessionHandle(store, {
  onUnavailable: (response, event) => {
    expectTypeOf(event).toEqualTypeOf<RequestEvent>()
    return response
  },
})
expectTypeOf(handle).toExtend<Handle>()
const plainHandle: Handle = sessionHandle(store)
expectTypeOf(plainHandle).toExtend<Handle>()
const handleFromPlatform: Handle = sessionHandle((event: RequestEvent) => {
  expectTypeOf(event.locals.sessions).toEqualTypeOf<RequestSessions<Cart>>()
  return store
})
expectTypeOf(handleFromPlatform).toExtend<Handle>()

interface Env {
  Bindings: { readonly AUTH_SESSION_KV: KVNamespace }
  Variables: { sessions: RequestSessions<Cart> }
}
const app = new Hono<Env>()
app.use(honoSessions(store))
app.use(
  honoSessions((context: Context<Env>) => {
    expectTypeOf(context.env.AUTH_SESSION_KV).toEqualTypeOf<KVNamespace>()
    return store
  }),
)
const middleware: MiddlewareHandler<Env> = honoSessions(store)
expectTypeOf(middleware).toExtend<MiddlewareHandler<Env>>()
app.get('/', async (context) => {
  const session = await context.var.sessions.get()
  expectTypeOf(session?.data).toEqualTypeOf<Cart | undefined>()
  return context.text('')
})
