/** Whether KV is to fail, for everything that was wrapped with it. */
export interface OutageSwitch {
  on: boolean
}

const failures: Readonly<Record<string, string>> = {
  get: 'GET',
  getWithMetadata: 'GET',
  put: 'PUT',
  delete: 'DELETE',
  list: 'LIST',
}

/**
 * A namespace whose every call rejects the way KV itself does in an outage, for as long as the switch is on.
 * For development only: it shows that the site serves without KV.
 */
export function faultyKV(kv: KVNamespace, outage: OutageSwitch): KVNamespace {
  return new Proxy(kv, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      const verb = typeof property === 'string' ? failures[property] : undefined
      return (...args: unknown[]): unknown => {
        if (outage.on && verb) {
          return Promise.reject(new Error(`KV ${verb} failed: 500 Internal Server Error`))
        }
        return Reflect.apply(value, target, args)
      }
    },
  })
}
