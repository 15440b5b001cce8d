type Method = (...args: never[]) => unknown

/** @returns A namespace that behaves as `kv` does, but for the methods that are given. */
export function overrideKV(
  kv: KVNamespace,
  methods: Partial<Record<keyof KVNamespace, Method>>,
): KVNamespace {
  return new Proxy(kv, {
    get(target, property) {
      if (Object.hasOwn(methods, property)) return methods[property as keyof KVNamespace]
      const member: unknown = Reflect.get(target, property, target)
      // Bindings check their receiver, so a method runs on the binding and not on the proxy.
      return typeof member === 'function' ? (member as Method).bind(target) : member
    },
  })
}
