/**
 * Runs work with a `Date` that goes by another clock: for libraries that ask it for the time by `new Date()`.
 */
export async function withVirtualDate<T>(now: () => number, work: () => Promise<T>): Promise<T> {
  const real = globalThis.Date
  globalThis.Date = new Proxy(real, {
    construct: (target, args: [] | [number]) =>
      args.length === 0 ? new target(now()) : new target(...args),
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  })
  try {
    return await work()
  } finally {
    globalThis.Date = real
  }
}
