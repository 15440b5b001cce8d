/** One change to the deciding code that a test has to notice. */
export interface Mutant {
  readonly file: string
  /** Occurs once in the file. */
  readonly from: string
  readonly to: string
}

function mutantsOf(file: string, changes: readonly (readonly [string, string])[]): Mutant[] {
  return changes.map(([from, to]) => ({ file, from, to }))
}

export const mutants: readonly Mutant[] = [
  ...mutantsOf('src/lib/kv/key-records.ts', [
    ['if (stampMs < record.floorMs) return', ''],
    ['stampMs < Math.max(of(key).floorMs, fencedUpToMs)', 'stampMs < of(key).floorMs'],
    ['stampMs < Math.max(', 'stampMs <= Math.max('],
    ['record.isDeleted = isDeleted', 'record.isDeleted = false'],
    ['Math.max(now(), lastStampMs + stampStepMs)', 'now()'],
    ['lastStampMs = Math.max(lastStampMs, stampMs)', 'void stampMs'],
    [
      "error.code !== 'rate_limited' || attempt === maxWriteAttempts",
      'attempt === maxWriteAttempts',
    ],
    ['if (record.nextWriteAtMs === busyUntilMs) record', 'record'],
  ]),
  ...mutantsOf('src/lib/cache/batch-reads.ts', [
    ['open.isShared = true', ''],
    ['if (batch === open) open = undefined', ''],
    ['if (!open.keys.includes(key)) open', 'open'],
    ['open.keys.length < maxBulkReadKeys', 'true'],
  ]),
  ...mutantsOf('src/lib/cache/note-end.ts', [['Math.max(record.endMs ?? 0, stampMs)', 'stampMs']]),
  ...mutantsOf('src/lib/cache/end-markers.ts', [
    ['String(records.nextStamp())', 'String(stampMs)'],
    ['  detach()\n', ''],
  ]),
  ...mutantsOf('src/lib/shared/single-flight.ts', [
    ['delayMs * 2', 'delayMs'],
    ['if (flights.get(key) === flight) flights.delete(key)', 'flights.delete(key)'],
  ]),
  ...mutantsOf('src/lib/cache/cache-core.ts', [
    ['records.isFenced(key, loadedAtMs) || records.waitMs(key) > 0', 'records.waitMs(key) > 0'],
    [
      'records.isFenced(key, loadedAtMs) || records.waitMs(key) > 0',
      'records.isFenced(key, loadedAtMs)',
    ],
    ['isSent === false || !records.of(key).isDeleted', 'true'],
    [' || !records.of(key).isDeleted', ''],
    ['isSent === false || ', ''],
    ['    waitUntil(settled)\n', ''],
    ["if (error.code === 'circuit_open') return undefined", ''],
  ]),
  ...mutantsOf('src/lib/kv/circuit-breaker.ts', [
    ['failures >= maxFailures && now() < closedUntilMs', 'failures >= maxFailures'],
    ['      failures = 0\n', ''],
    ["retryable || code === 'quota_exceeded'", 'true'],
  ]),
  ...mutantsOf('src/lib/cache/create-definition.ts', [
    ['lateMs >= 0) status', 'lateMs > 0) status'],
    ['value !== null && lateMs < staleMs', 'lateMs < staleMs'],
    ['freshUntilMs + (value === null ? 0 : staleMs)', 'freshUntilMs + staleMs'],
    ['now() < older.freshUntilMs + staleIfErrorMs', 'now() <= older.freshUntilMs + staleIfErrorMs'],
    ['(1 - jitter * random())', '(1 + jitter * random())'],
    ['(1 - refreshAhead)', 'refreshAhead'],
    ['2 ** failures', '2 ** (failures + 1)'],
    ['Math.max(staleMs, staleIfErrorMs)', 'Math.min(staleMs, staleIfErrorMs)'],
    ['Math.min(lastsMs, maxLifetimeMs - graceMs)', 'lastsMs'],
    ['loadedAtMs <= now() + maxClockSkewMs && ', ''],
    ['loadedAtMs < records.of(key).floorMs || ', ''],
    [' || loadedAtMs <= highestEnd(epochs)', ''],
    ['loadedAtMs > endedMs', 'loadedAtMs >= endedMs'],
    ['return Math.min(endMs, now()) - staleMs', 'return endMs - staleMs'],
    ['return Math.min(endMs, now()) - staleMs', 'return Math.min(endMs, now())'],
    ['valid.loadedAtMs >= (known?.loadedAtMs ?? 0)', 'valid.loadedAtMs > (known?.loadedAtMs ?? 0)'],
    ['(stored !== null || now() <', '(now() <'],
    ['now() < (known.writtenAtMs ?? 0) + missCachedMs', 'false'],
    ['if (!isStill()) return\n', ''],
    ['put !== null && isStill()', 'put !== null'],
    ['isUnread || isStored', 'isStored'],
    ['isUnread || isStored', 'isUnread'],
    ['if (value !== undefined) await store', 'await store'],
    ['if (held.loadedAtMs < records.of(target.key).floorMs) return', ''],
    ['Object.assign(records.touch(key), { failures: 0, retryAtMs: 0 })', ''],
    ['memory?.delete(key)\n    await core', 'await core'],
    ['if (isCovered) report(', 'report('],
    [
      'if (covering !== null && now() < (records.of(target.key).retryAtMs ?? 0)) return covering',
      '',
    ],
    ['<= now() - memoryMs', '< now() - memoryMs'],
    ['Math.max(freshUntilMs - aheadMs, loadingUntilMs, retryAtMs)', 'freshUntilMs - aheadMs'],
    ['beganMs + maxLoadingMs', 'Infinity'],
  ]),
]
