import { codexLimiters } from './codex.ts'
import { docsObject } from './docs-object.ts'
import { honoKv } from './hono-kv.ts'
import { honoObject } from './hono-object.ts'
import { kvCounter } from './kv-counter.ts'
import type { LimiterUnderTest } from './limiter-under-test.ts'
import { native } from './native.ts'
import { rateLimiterFlexible } from './rate-limiter-flexible.ts'
import { upstashLimiters } from './upstash.ts'

/** Ours first, then what asks an authority, then what does not. */
export const allLimiters: readonly LimiterUnderTest[] = [
  ...codexLimiters,
  docsObject,
  honoObject,
  ...upstashLimiters,
  honoKv,
  kvCounter,
  native,
  rateLimiterFlexible,
]
