/// <reference types="@cloudflare/workers-types" />

import type {} from '../worker-configuration.d.ts'
import type { Auth, AuthSessions } from '@codex/auth'
import type { App as CodexApp } from '$lib/server/app.ts'
import type { SignedInSession } from '$lib/server/require-user.ts'
import type { CacheReadLine, NotedRead } from '$lib/server/cache-reads.ts'

declare global {
  namespace App {
    interface Error {
      message: string
      /** Finds this failure in the logs. Only for failures of ours. */
      id?: string
    }

    interface Locals {
      app: CodexApp
      auth: Auth
      origin: string
      /** Reads and changes the session of this request, and sets its cookies. Not on routes that serve no person. */
      sessions: AuthSessions
      session: SignedInSession | null
      /** Neither signed in nor signed out: who this is could not be looked up. */
      sessionUnavailable: boolean
      /** The identifier of the client's network address, or one that clients without an address share. */
      address: string
      /** What this request has read from the cache so far. */
      cacheReads: NotedRead[]
    }

    interface PageData {
      /** For the footer, on pages that read the cache. `null` for who need not know. */
      cacheReads?: readonly CacheReadLine[] | null
    }

    interface Platform {
      env: Env
      ctx: ExecutionContext
      caches: CacheStorage
      cf?: IncomingRequestCfProperties
    }
  }
}

export {}
