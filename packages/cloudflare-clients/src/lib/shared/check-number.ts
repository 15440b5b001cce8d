/** @throws {RangeError} When the value is not a number in the range. */
export function checkNumber(
  what: string,
  value: number,
  { min, max = Infinity }: { readonly min: number; readonly max?: number },
): number {
  if (value >= min && value <= max) return value
  throw new RangeError(`Cannot ${what} must be from ${min} to ${max}, received ${value}`)
}
