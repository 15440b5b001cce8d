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
    ['stampMs < Math.max(this.floorOf(key), this.fencedUpToMs)', 'stampMs < this.floorOf(key)'],
    ['stampMs < Math.max(', 'stampMs <= Math.max('],
    [
      'stampMs < this.floorOf(key) && this.byKey.get(key)?.isDeleted === true',
      'this.byKey.get(key)?.isDeleted === true',
    ],
    ['record.isDeleted = isDeleted', 'record.isDeleted = false'],
    ['Math.max(this.#options.now(), this.#lastStampMs + stampStepMs)', 'this.#options.now()'],
    ['this.#lastStampMs = Math.max(this.#lastStampMs, stampMs)', 'void stampMs'],
    ["error.code !== 'rate_limited' || attempt === maxAttempts", 'attempt === maxAttempts'],
    ['if (record.nextWriteAtMs === busyUntilMs) record', 'record'],
  ]),
  ...mutantsOf('src/lib/cache/tag-markers.ts', [
    ['<= sinceMs', '< sinceMs'],
    ['stampMs: Math.max(stampMs, known)', 'stampMs'],
  ]),
  ...mutantsOf('src/lib/shared/single-flight.ts', [
    ['delayMs *= 2', 'delayMs *= 1'],
    ['if (flights.get(key) === flight) flights.delete(key)', 'flights.delete(key)'],
  ]),
  ...mutantsOf('src/lib/shared/background-flight.ts', [
    ['waitUntil?.(promise.catch(() => undefined))', 'void waitUntil'],
    ['this.#options.now() < beganMs + maxBackgroundMs', 'running !== undefined'],
  ]),
  ...mutantsOf('src/lib/cache/cache-core.ts', [
    ['records.isFenced(key, stampMs) || records.waitMs(key) > 0', 'records.waitMs(key) > 0'],
    ['records.isFenced(key, stampMs) || records.waitMs(key) > 0', 'records.isFenced(key, stampMs)'],
    ['isSent === false || !this.records.isDeletedSince(key, metadata.loadedAtMs)', 'true'],
    ["if (error.code === 'circuit_open') return", ''],
  ]),
  ...mutantsOf('src/lib/kv/circuit-breaker.ts', [
    ['failures >= maxFailures && now() < closedUntilMs', 'failures >= maxFailures'],
    ['      failures = 0\n', ''],
    ["retryable || code === 'quota_exceeded'", 'true'],
  ]),
  ...mutantsOf('src/lib/cache/cache-client.ts', [
    ['    super.detachAll()\n    this.core.detachAll()', '    super.detachAll()'],
    ['String(records.nextStamp())', 'String(stampMs)'],
  ]),
  ...mutantsOf('src/lib/cache/create-definition.ts', [
    ['lateMs >= 0) status', 'lateMs > 0) status'],
    ['value !== null && lateMs < staleMs', 'lateMs < staleMs'],
    ['freshUntilMs + (value === null ? 0 : staleMs)', 'freshUntilMs + staleMs'],
    ['now() < older.freshUntilMs + staleIfErrorMs', 'now() <= older.freshUntilMs + staleIfErrorMs'],
    ['(1 - jitter * random())', '(1 + jitter * random())'],
    ['(1 - refreshAhead)', 'refreshAhead'],
    ['2 ** (count - 1)', '2 ** count'],
    ['Math.max(staleMs, staleIfErrorMs)', 'Math.min(staleMs, staleIfErrorMs)'],
    ['Math.min(lastsMs, maxLifetimeMs - graceMs)', 'lastsMs'],
    ['loadedAtMs <= now() + maxClockSkewMs && ', ''],
    ['loadedAtMs < records.floorOf(key) || ', ''],
    [' || loadedAtMs <= markers.highest(epochs)', ''],
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
    ['if (held.loadedAtMs < records.floorOf(target.key)) return', ''],
    ['failures.delete(key)\n', ''],
    ['memory?.delete(key)\n    await client', 'await client'],
    ['if (isCovered) core.report(', 'core.report('],
    ['if (covering !== null && isBackingOff(target)) return covering', ''],
  ]),
]
