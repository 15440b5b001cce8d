import type { OutageSwitch } from './faulty-kv.ts'

/** Durable Objects that are found by name. */
interface ObjectsByName {
  getByName(name: string): object
}

/**
 * A coordinator whose objects answer nothing, the way a call to one fails in an outage, for as long as the switch is on. For
 * development only: it shows what limits and sessions do without it.
 */
export function faultyAuthority<Namespace extends ObjectsByName>(
  namespace: Namespace,
  outage: OutageSwitch,
): Namespace {
  const faulty = (object: object): object =>
    new Proxy(object, {
      get(target, property) {
        const method: unknown = Reflect.get(target, property)
        if (typeof method !== 'function') return method
        return async (...args: unknown[]): Promise<unknown> => {
          if (outage.on) throw new Error('Durable Object storage operation exceeded timeout')
          return Reflect.apply(method, target, args) as Promise<unknown>
        }
      },
    })
  return new Proxy(namespace, {
    get(target, property) {
      if (property === 'getByName') return (name: string) => faulty(target.getByName(name))
      return Reflect.get(target, property) as unknown
    },
  })
}
