import { expect, test } from 'vitest'
import { kvLimits, writeSpacingMs } from '../kv/kv-limits.ts'
import { missCachedMs } from './cache-limits.ts'

test('what follows from a limit of KV is in step with it', () => {
  expect(missCachedMs).toBe(kvLimits.defaultCacheTtlSeconds * 1000)
  expect(writeSpacingMs).toBeGreaterThan(1000 / kvLimits.maxWritesPerSecondPerKey)
})
