import type { AuthorityNamespace } from '@codex/cloudflare-clients/rate-limiter'
import type { OutageSwitch } from './faulty-kv.ts'

/**
 * A coordinator whose objects answer nothing, the way a call to one fails in an outage, for as long as the switch is on. For
 * development only: it shows what each limit does without it.
 */
export function faultyAuthority(
  namespace: AuthorityNamespace,
  outage: OutageSwitch,
): AuthorityNamespace {
  const unlessOut = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    if (outage.on) throw new Error('Durable Object storage operation exceeded timeout')
    return ask()
  }
  return {
    getByName(name) {
      const object = namespace.getByName(name)
      return {
        acquire: (request) => unlessOut(() => object.acquire(request)),
        checkAll: (requests) => unlessOut(() => object.checkAll(requests)),
        getStatus: (key, rule) => unlessOut(() => object.getStatus(key, rule)),
        change: (change) => unlessOut(() => object.change(change)),
      }
    },
  }
}
