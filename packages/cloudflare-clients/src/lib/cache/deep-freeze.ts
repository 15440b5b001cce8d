/** Freezes a plain JSON value through and through, so that it can be shared: nobody's change shows to anybody else. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const name in value) deepFreeze(value[name])
  return value
}
