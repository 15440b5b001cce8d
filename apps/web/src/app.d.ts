/// <reference types="@cloudflare/workers-types" />

import type {} from '../worker-configuration.d.ts'
import type { Auth } from '@codex/auth'
import type { CachedSession } from '@codex/cloudflare-clients'
import type { App as CodexApp } from '$lib/server/app.ts'
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
      session: CachedSession | null
      /** Neither signed in nor signed out: who this is could not be looked up. */
      sessionUnavailable: boolean
      /** The identifier of the client's network address, or one that clients without an address share. */
      address: string
      /** Raw Set-Cookie values for the response. */
      setCookies: string[]
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
