/**
 * Gives up on a definition. It does not say where and why: `validateFlag` does, for whoever writes one, while this is in the bundle of whoever
 * reads.
 */
export function refuse(): never {
  throw new Error('Cannot read the definition')
}

/** Also a list, which has none of the fields that are looked for. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

export function readObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : refuse()
}

/** Only what is an object's own: `__proto__` and `constructor` are names like any other. */
export function getOwn(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** Reads each entry of a list. Where there is no list, that is none. */
export function readEach<T>(
  list: unknown = [],
  read: (entry: unknown, index: number) => T,
): readonly T[] {
  return Array.isArray(list) ? list.map(read) : refuse()
}

export function readText(value: unknown): string {
  return typeof value === 'string' ? value : refuse()
}

export function readNumber(value: unknown, max = Number.MAX_VALUE): number {
  return typeof value === 'number' && value >= 0 && value <= max ? value : refuse()
}
