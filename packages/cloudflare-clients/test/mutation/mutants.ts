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
  ...mutantsOf('src/lib/cache/freshness.ts', [
    ["if (nowMs < freshUntilMs) return 'fresh'", "if (nowMs <= freshUntilMs) return 'fresh'"],
    [
      'value !== null && nowMs < freshUntilMs + this.#staleMs',
      'nowMs < freshUntilMs + this.#staleMs',
    ],
    ['nowMs < freshUntilMs + this.#staleMs', 'nowMs <= freshUntilMs + this.#staleMs'],
    ['nowMs < freshUntilMs + this.#staleIfErrorMs', 'nowMs <= freshUntilMs + this.#staleIfErrorMs'],
    ['(1 - this.#jitter * random())', '(1 + this.#jitter * random())'],
    ['(1 - this.#refreshAhead)', 'this.#refreshAhead'],
    ['Math.max(aheadMs, -loadMs', 'Math.min(aheadMs, -loadMs'],
    ['2 ** (failures - 1)', '2 ** failures'],
    [
      'Math.max(this.#staleMs, this.#staleIfErrorMs)',
      'Math.min(this.#staleMs, this.#staleIfErrorMs)',
    ],
    ['Math.min(freshMs, this.#maxLifetimeMs - this.graceMs)', 'freshMs'],
  ]),
  ...mutantsOf('src/lib/cache/key-floors.ts', [
    ['known && known.stampMs > stampMs ? known :', 'known && known.stampMs < stampMs ? known :'],
    ['stampMs < Math.max(this.of(key), this.#forgottenUpToMs)', 'stampMs < this.of(key)'],
    ['stampMs < Math.max(', 'stampMs <= Math.max('],
    ['?.isDeletion === true && stampMs < this.of(key)', '?.isDeletion === true'],
    ['this.raise(key, stampMs, true)', 'this.raise(key, stampMs, false)'],
    ['if (key.startsWith(prefix)) this.delete(key, stampMs)', 'this.delete(key, stampMs)'],
    ['    this.#forgottenUpToMs = stampMs\n', ''],
  ]),
  ...mutantsOf('src/lib/cache/tag-markers.ts', [
    ['<= sinceMs', '< sinceMs'],
    ['if (stampMs > known) this.generation++', ''],
    ['stampMs: Math.max(stampMs, known)', 'stampMs'],
  ]),
  ...mutantsOf('src/lib/cache/stamp-clock.ts', [
    ['Math.max(this.#now(), this.#last + stepMs)', 'this.#now()'],
    ['this.#last = Math.max(this.#last, stampMs)', 'void stampMs'],
  ]),
  ...mutantsOf('src/lib/cache/key-writer.ts', [
    ['if (!isLatest()) return false\n        }', '}'],
    ["error.code !== 'rate_limited' || attempt === maxAttempts", 'attempt === maxAttempts'],
    ['!isUrgent || attempt > 1', '!isUrgent'],
    ['if (state.nextAtMs === busyUntilMs) state.nextAtMs', 'state.nextAtMs'],
    ['?.nextAtMs ?? 0) > this.#options.now()', '?.nextAtMs ?? 0) < this.#options.now()'],
  ]),
  ...mutantsOf('src/lib/shared/single-flight.ts', [
    ['delayMs *= 2', 'delayMs *= 1'],
    [
      'if (this.#flights.get(key) === flight) this.#flights.delete(key)',
      'this.#flights.delete(key)',
    ],
    ['this.#waitUntil?.(settled)', ''],
    ['this.#options.now() < running.beganMs + maxBackgroundMs', 'true'],
  ]),
  ...mutantsOf('src/lib/cache/cache-core.ts', [
    ['floors.isFenced(key, stampMs) || writer.isSpaced(key)', 'writer.isSpaced(key)'],
    ['floors.isFenced(key, stampMs) || writer.isSpaced(key)', 'floors.isFenced(key, stampMs)'],
    ['isSent === false || !this.floors.isDeletedSince(key, metadata.loadedAtMs)', 'true'],
    ["if (error.code === 'circuit_open') return", ''],
  ]),
  ...mutantsOf('src/lib/cache/client-core.ts', [
    ['now() < this.#closedAtMs', 'true'],
    ['this.#failures = 0\n      return', 'return'],
    ["failure.retryable || failure.code === 'quota_exceeded'", 'true'],
  ]),
  ...mutantsOf('src/lib/cache/held-value.ts', [['loadedAtMs <= nowMs + maxClockSkewMs', 'true']]),
  ...mutantsOf('src/lib/cache/cache-definition.ts', [
    ['loadedAtMs < floors.of(key) ||', ''],
    ['|| loadedAtMs <= markers.highest(epochs)', ''],
    ['if (loadedAtMs > endedMs) return held', 'if (loadedAtMs >= endedMs) return held'],
    ['Math.min(held.freshUntilMs, endedMs, now())', 'Math.min(held.freshUntilMs, endedMs)'],
    ['if (held.generation !== this.#generation) return undefined', ''],
    [
      'held.loadedAtMs >= (this.#inMemory(target)?.loadedAtMs ?? 0)',
      'held.loadedAtMs > (this.#inMemory(target)?.loadedAtMs ?? 0)',
    ],
    ['isOlder = stored !== null', 'isOlder = false'],
    ['now() < known.writtenAtMs + missCachedMs', 'false'],
    ['if (!isStill()) return\n', ''],
    ['put === null || !isStill()', 'put === null'],
    ['hasFailed === true || isStored', 'isStored'],
    ['if (value !== undefined) await this.#store', 'await this.#store'],
    ['if (stored.loadedAtMs < floors.of(target.key)) return', ''],
    ['this.#failures.delete(target.key)', ''],
    ['memory?.delete(target.memoryKey)\n    this.detach(target.key)', 'this.detach(target.key)'],
    [
      'this.detach(target.key)\n    await this.#forgetInLocation(target)\n    await this.#core.remove',
      'await this.#forgetInLocation(target)\n    await this.#core.remove',
    ],
    ['if (isCovered) report(', 'report('],
    ['if (this.#isBackingOff(target)) return standIn', ''],
  ]),
]
