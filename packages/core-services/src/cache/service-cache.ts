import type { CacheClient } from '@codex/cloudflare-clients'

/**
 * What a service needs of a cache: to define its values, once, when it is created. One client takes each service once, because
 * no two definitions of a client may have one name.
 */
export type ServiceCache = Pick<CacheClient, 'define'>
