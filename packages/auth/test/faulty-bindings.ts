import type { SessionAuthorityNamespace } from '@codex/cloudflare-clients/session'

/** A switch for a binding: while it is on, every call of the binding rejects. */
export interface Fault {
  on: boolean
}

type Method = (...args: unknown[]) => unknown

export function faultyKV(kv: KVNamespace, fault: Fault): KVNamespace {
  return intercept(kv, (name, call) =>
    fault.on
      ? Promise.reject(new Error(`KV ${name.toUpperCase()} failed: 500 Internal Server Error`))
      : call(),
  )
}

/** An authority that cannot be reached while the fault is on. */
export function faultyAuthority(
  authority: SessionAuthorityNamespace,
  fault: Fault,
  onCall: (name: string) => void = () => undefined,
): SessionAuthorityNamespace {
  return {
    getByName: (objectName) =>
      intercept(authority.getByName(objectName), (name, call) => {
        onCall(name)
        return fault.on ? Promise.reject(new Error('Network connection lost.')) : call()
      }),
  }
}

/** A database whose queries fail while the fault is on, as they do when D1 cannot be reached. */
export function faultyD1(d1: D1Database, fault: Fault): D1Database {
  const failed = () => Promise.reject(new Error('D1_ERROR: Network connection lost.'))
  // D1's `batch` takes only statements that D1 itself made.
  const originals = new WeakMap<object, D1PreparedStatement>()
  const statement = (original: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = intercept(original, (name, call) => {
      if (name === 'bind') return statement(call() as D1PreparedStatement)
      return fault.on ? failed() : call()
    })
    originals.set(wrapped, original)
    return wrapped
  }
  return intercept(d1, (name, call, args) => {
    if (name === 'prepare') return statement(call() as D1PreparedStatement)
    if (fault.on) return failed()
    if (name !== 'batch') return call()
    const statements = args[0] as D1PreparedStatement[]
    return d1.batch(statements.map((each) => originals.get(each) ?? each))
  })
}

/** `target` with every method call going through `around`. */
export function intercept<T extends object>(
  target: T,
  around: (name: string, call: () => unknown, args: unknown[]) => unknown,
): T {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      return (...args: unknown[]): unknown =>
        around(name, () => (member as Method).apply(target, args), args)
    },
  })
}
