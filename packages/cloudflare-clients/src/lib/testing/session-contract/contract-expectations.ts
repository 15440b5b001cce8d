/** The implementation did not do what the contract wants. No token is in its message. */
export class SessionContractError extends Error {
  override readonly name = 'SessionContractError'
}

/** Fails a case. */
export function fail(wanted: string, received: string): never {
  throw new SessionContractError(`Expected ${wanted}, received ${received}`)
}

export function expectThat(isTrue: boolean, wanted: string, received: () => string): void {
  if (!isTrue) fail(wanted, received())
}

/** Of plain JSON. */
export function expectEqual(what: string, received: unknown, wanted: unknown): void {
  const [wantedText, receivedText] = [toText(wanted), toText(received)]
  expectThat(wantedText === receivedText, `${what} to be ${wantedText}`, () => receivedText)
}

export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/** JSON with keys in one order. */
function toText(value: unknown): string {
  return value === undefined ? 'undefined' : JSON.stringify(value, sortKeys)
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value)
  // `fromEntries` defines, so a key such as `__proto__` stays one.
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
