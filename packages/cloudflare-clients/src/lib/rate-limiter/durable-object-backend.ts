import { authorityBackend } from './authority-backend.ts'
import type { AuthorityNamespace } from './authority-protocol.ts'
import type { LimitName, RateLimitBackend } from './rate-limit-backend.ts'
import { assertMethod } from './subject.ts'

export interface DurableObjectBackendOptions {
  /**
   * Names the object that decides for a subject. Limits that are checked together must have one. An object takes
   * some hundred checks a second. Default: the identifier.
   */
  readonly shard?: (subject: LimitName) => string
}

/**
 * Asks a Durable Object for every check, so that all isolates everywhere share one count.
 *
 * **Over-admission** is zero, through concurrency, eviction and restarts of the object. **Under-admission**: a restart of the
 * object counts up to 2 % of the limit as used that were not, until they leave the window; an answer that is lost on its
 * way was counted. **Staleness**: none, a result is the object's own. **Cost**: a request to the object and a round trip for each
 * check, and a written row for each 2 % of the limit that is admitted (each admitted call where the limit is under 100), none for a
 * denied one.
 *
 * It makes no retry of its own: the runtime retries what never arrived, exactly once.
 *
 * @param namespace The binding of {@link RateLimiterObject}, or anything that reaches an authority by name.
 * @throws {TypeError} When the binding is missing.
 * @see https://developers.cloudflare.com/durable-objects/platform/limits/
 */
export function durableObjectBackend(
  namespace: AuthorityNamespace,
  { shard = identifierOf }: DurableObjectBackendOptions = {},
): RateLimitBackend {
  assertMethod(
    namespace,
    'getByName',
    'create Durable Object backend: namespace must be a Durable Object binding',
  )
  return authorityBackend({
    name: 'durable-object',
    isRemote: true,
    authority: { shard, of: (name) => namespace.getByName(name) },
  })
}

function identifierOf({ identifier }: LimitName): string {
  return identifier
}
