import type { BenchmarkResult } from '../result.ts'
import { cellOf } from '../scenario.ts'

/** What our cache promises of a case: the most there may be of a thing, or the outcome itself. */
type Promises = Readonly<Record<string, number | readonly string[]>>

const value = ['value, at once', 'value, after a load']
const oneOfEach = { 'origin calls': 1, 'keys read': 1, writes: 1, deletes: 0 }

const promises: Readonly<Record<string, Promises>> = {
  'cold miss': { outcome: value, ...oneOfEach },
  'hit, same isolate': {
    outcome: ['value, at once'],
    'keys read': 0,
    'origin calls': 0,
    writes: 0,
  },
  'hit, new isolate': { outcome: ['value, at once'], 'keys read': 1, 'origin calls': 0, writes: 0 },
  'hit, new isolate, again': { outcome: ['value, at once'], 'keys read': 0, writes: 0 },
  'stale read': { outcome: ['stale'], ...oneOfEach },
  '50 concurrent, cold': { outcome: value, ...oneOfEach },
  '500 concurrent, cold': { outcome: value, ...oneOfEach },
  '50 concurrent, stale': { outcome: ['stale'], ...oneOfEach },
  'getMany of 100': { outcome: ['value, at once'], 'read calls': 1, 'keys read': 100, writes: 0 },
  'hit guarded by 5 tags': { outcome: ['value, at once'], 'read calls': 1, 'origin calls': 0 },
  'KV reads failing': { outcome: value, 'origin calls': 1, deletes: 0 },
  'KV writes answering 429': { outcome: value, 'origin calls': 1, deletes: 0 },
  'corrupt value': { outcome: value, 'origin calls': 1, deletes: 0 },
  'origin failing, value stale': { outcome: ['stale'], deletes: 0 },
}

/** Where ours is not what it promises. */
export function findOperationFailures(results: readonly BenchmarkResult[]): readonly string[] {
  return Object.entries(promises).flatMap(([name, promised]) => {
    const scenario = `operations: ${name}`
    const all: Promises = { ...promised, 'unhandled rejections': 0 }
    return Object.entries(all).flatMap(([metric, wanted]) => {
      const found = cellOf(results, { library: 'codex', scenario, metric })
      const isKept =
        typeof wanted === 'number'
          ? typeof found === 'number' && found <= wanted
          : wanted.includes(String(found))
      const limit = typeof wanted === 'number' ? `at most ${wanted}` : wanted.join(' or ')
      return isKept ? [] : [`${scenario}: ${metric}: ${limit} wanted, ${String(found)} found`]
    })
  })
}
