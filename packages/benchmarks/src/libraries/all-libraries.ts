import { bentocache } from './bentocache.ts'
import type { CacheLibrary } from './cache-under-test.ts'
import { cacheManager } from './cache-manager.ts'
import { cacheable } from './cacheable.ts'
import { cachified } from './cachified.ts'
import { codex } from './codex.ts'
import { keyv } from './keyv.ts'
import { plainKv } from './plain-kv.ts'
import { unkey } from './unkey.ts'
import { unstorageOcache } from './unstorage-ocache.ts'

/** Ours first, then the others, and what the platform gives without any library last. */
export const allLibraries: readonly CacheLibrary[] = [
  codex,
  cachified,
  unkey,
  bentocache,
  cacheable,
  cacheManager,
  keyv,
  unstorageOcache,
  plainKv,
]
