import type { FakeFault, FakeRequest } from '@codex/fake-kv-api'

/** What goes wrong, and what is called meanwhile. */
export interface FaultPlan {
  readonly name: string
  readonly calls: 'reads' | 'writes' | 'one bulk write'
  readonly callCount: number
  /** What the request of a key meets, by how many of that key came before. */
  readonly fault?: (requestsBefore: number, nowMs: number) => FakeFault | undefined
  /** The account's limit. Default: none. */
  readonly requestsPer5Minutes?: number
  /** For a call. Default a minute. */
  readonly deadlineMs?: number
}

const limited = (retryAfter: string): FakeFault => ({
  type: 'status',
  status: 429,
  code: 971,
  headers: { 'retry-after': retryAfter },
})

const once =
  (fault: (nowMs: number) => FakeFault) =>
  (requestsBefore: number, nowMs: number): FakeFault | undefined =>
    requestsBefore < 1 ? fault(nowMs) : undefined

const times =
  (count: number, fault: FakeFault) =>
  (requestsBefore: number): FakeFault | undefined =>
    requestsBefore < count ? fault : undefined

const toDate = (ms: number): string => new Date(ms).toUTCString()
const serverError: FakeFault = { type: 'status', status: 500 }

export const faultPlans: readonly FaultPlan[] = [
  {
    name: '429, Retry-After of 3 seconds',
    calls: 'writes',
    callCount: 50,
    fault: once(() => limited('3')),
  },
  {
    name: '429, a date in 5 seconds',
    calls: 'writes',
    callCount: 50,
    fault: once((nowMs) => limited(toDate(nowMs + 5000))),
  },
  {
    name: '429, a date an hour ago',
    calls: 'writes',
    callCount: 50,
    fault: once((nowMs) => limited(toDate(nowMs - 3_600_000))),
  },
  {
    name: '429, Retry-After of an hour',
    calls: 'writes',
    callCount: 50,
    fault: once(() => limited('3600')),
  },
  {
    name: '429, no readable Retry-After',
    calls: 'writes',
    callCount: 50,
    fault: once(() => limited('soon')),
  },
  { name: '500 twice', calls: 'writes', callCount: 50, fault: times(2, serverError) },
  { name: '500 four times', calls: 'writes', callCount: 50, fault: times(4, serverError) },
  { name: '500 for ever', calls: 'writes', callCount: 50, fault: times(1000, serverError) },
  {
    name: 'reset in the middle of the answer',
    calls: 'reads',
    callCount: 50,
    fault: times(1, { type: 'reset', at: 'body' }),
  },
  {
    name: 'reset when it was written',
    calls: 'writes',
    callCount: 50,
    fault: times(1, { type: 'reset', at: 'answer' }),
  },
  {
    name: 'no answer for 2 minutes',
    calls: 'reads',
    callCount: 50,
    fault: times(1, { type: 'slow', delayMs: 120_000 }),
  },
  {
    name: 'a bulk write of 1,000 of which a tenth fails twice',
    calls: 'one bulk write',
    callCount: 1000,
    fault: times(2, { type: 'keys', fails: (key) => key.endsWith('7') }),
  },
  {
    name: '1,500 writes, and 1,200 requests in 5 minutes',
    calls: 'writes',
    callCount: 1500,
    requestsPer5Minutes: 1200,
    deadlineMs: 3_600_000,
  },
]

/** What counts as the same request: a method on an address. */
export function requestName({ method, path }: FakeRequest): string {
  return `${method} ${path.split('?')[0] ?? ''}`
}
