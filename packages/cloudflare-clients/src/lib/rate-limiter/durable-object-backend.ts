import { authorityBackend, type AuthorityBackend, type LimitName } from './authority-backend.ts'
import type { AuthorityNamespace } from './authority-protocol.ts'

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
 * @throws {TypeError} When the binding is missing. From `checkAll`: when the limits are of different shards.
 * @see https://developers.cloudflare.com/durable-objects/platform/limits/
 */
export function durableObjectBackend(
  namespace: AuthorityNamespace,
  { shard = identifierOf }: DurableObjectBackendOptions = {},
): AuthorityBackend {
  assertNamespace(namespace)
  return authorityBackend({
    name: 'durable-object',
    isRemote: true,
    authorityOf: (subject) => namespace.getByName(shard(subject)),
    authorityOfAll: (subjects) => namespace.getByName(sameShard(subjects, shard)),
  })
}

function identifierOf({ identifier }: LimitName): string {
  return identifier
}

/** @throws {TypeError} When it is no namespace, as where a binding is missing. */
function assertNamespace(namespace: unknown): void {
  const candidate = namespace as Partial<AuthorityNamespace> | null | undefined
  if (typeof candidate?.getByName === 'function') return
  throw new TypeError(
    `Cannot create rate limit backend: the namespace must be a Durable Object binding of RateLimiterObject, received ${namespace === null ? 'null' : typeof namespace}`,
  )
}

/** @throws {TypeError} When there are several: no one object could decide for all at once. */
function sameShard(
  subjects: readonly [LimitName, ...LimitName[]],
  shard: (subject: LimitName) => string,
): string {
  const [name] = subjects.map(shard) as [string, ...string[]]
  if (subjects.every((subject) => shard(subject) === name)) return name
  const count = new Set(subjects.map(shard)).size
  throw new TypeError(
    `Cannot check several limits at once: the shard option must give all of them one shard, received ${count} for ${subjects.length} limits`,
  )
}
