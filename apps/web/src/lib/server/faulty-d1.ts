import type { OutageSwitch } from './faulty-kv.ts'

function fail(): Promise<never> {
  return Promise.reject(new Error('D1_ERROR: Network connection lost.'))
}

/** A statement that fails when it is run, as D1's do: preparing and binding ask nothing of the database. */
const failingStatement = {
  bind: () => failingStatement,
  all: fail,
  first: fail,
  raw: fail,
  run: fail,
}

const failures: Readonly<Record<string | symbol, () => unknown>> = {
  prepare: () => failingStatement,
  batch: fail,
  exec: fail,
}

/**
 * A database whose every query rejects the way D1 does in an outage, for as long as the switch is on. For development
 * only: it shows what the site serves from its caches.
 */
export function faultyD1(d1: D1Database, outage: OutageSwitch): D1Database {
  return new Proxy(d1, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const failure = outage.on ? failures[property] : undefined
        return failure ? failure() : Reflect.apply(value, target, args)
      }
    },
  })
}
