/** @throws {RangeError} When the value is no version that a change can have made. */
export function checkVersion(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`Cannot ${what} must be a whole number from 1, received ${value}`)
}
