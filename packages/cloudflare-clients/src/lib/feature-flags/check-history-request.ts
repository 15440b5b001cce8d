import { checkNumber } from '../shared/check-number.ts'
import { checkVersion } from './check-version.ts'
import type { FlagHistoryRequest } from './flag-authority-calls.ts'

/** @throws {RangeError} When a number is out of its range. */
export function checkHistoryRequest({ limit, beforeVersion }: FlagHistoryRequest): void {
  const what = 'read history of flags:'
  if (limit !== undefined) checkNumber(`${what} limit`, limit, { min: 1, max: 100 })
  if (beforeVersion !== undefined) checkVersion(`${what} beforeVersion`, beforeVersion)
}
