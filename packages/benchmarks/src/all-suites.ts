import { cacheSuite } from './cache/cache-suite.ts'
import { flagSuite } from './flags/flags-suite.ts'
import { kvHttpSuite } from './kv-http/kv-http-suite.ts'
import { rateLimitSuite } from './ratelimit/rate-limit-suite.ts'
import { sessionSuite } from './sessions/session-suite.ts'
import type { Suite } from './suite.ts'

/** In the order of the document. */
export const allSuites: readonly Suite[] = [
  cacheSuite,
  rateLimitSuite,
  sessionSuite,
  flagSuite,
  kvHttpSuite,
]
