import { expect, it } from 'vitest'
import {
  describeOperations,
  noOperations,
  parseOperationsHeader,
  sumLoggedOperations,
} from './operations.ts'

it('reads the header that a response carries', () => {
  const headers = new Headers({
    'x-codex-operations': 'kv.read=3 kv.write=1 kv.delete=0 kv.list=2 d1.query=4 do.request=5',
  })
  expect(parseOperationsHeader(headers)).toEqual({
    kvReads: 3,
    kvWrites: 1,
    kvDeletes: 0,
    kvLists: 2,
    d1Queries: 4,
    doRequests: 5,
  })
})

it('tells a response without the header from one that cost nothing', () => {
  expect(parseOperationsHeader(new Headers())).toBeNull()
  const headers = new Headers({ 'x-codex-operations': 'kv.read=0' })
  expect(parseOperationsHeader(headers)).toEqual(noOperations)
})

it('adds up the log lines of one worker', () => {
  const kv = { reads: 0, writes: 1, deletes: 0, lists: 0 }
  const events = [
    { event: 'operations', worker: 'queue-consumer', kv, d1: { queries: 2 } },
    { event: 'operations', worker: 'queue-consumer', kv },
    { event: 'operations', worker: 'webhook-handler', kv },
    { event: 'other', worker: 'queue-consumer', kv },
  ]
  expect(sumLoggedOperations(events, 'queue-consumer')).toEqual({
    ...noOperations,
    kvWrites: 2,
    d1Queries: 2,
  })
  expect(sumLoggedOperations(events).kvWrites).toBe(3)
})

it('says what was spent in words', () => {
  expect(describeOperations(noOperations)).toBe('no operations')
  expect(describeOperations({ ...noOperations, kvReads: 1, d1Queries: 2, doRequests: 1 })).toBe(
    '1 KV read, 2 D1 queries, 1 Durable Object request',
  )
})
