/// <reference types="@cloudflare/workers-types" />

import type {} from '../worker-configuration.d.ts'
import type { Auth } from '@codex/auth'
import type { CachedSession } from '@codex/cloudflare-clients'
import type { App as CodexApp } from '$lib/server/app.ts'

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
      /** The client's network address in canonical form. */
      address: string
      /** Raw Set-Cookie values for the response. */
      setCookies: string[]
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
