import { describe, expect, it } from 'vitest'
import type { Item } from '../libraries/cache-under-test.ts'
import { HourObserver, IsolateMemory } from './hour-observer.ts'

function item(version: number, loadedAtMs: number): Item {
  return { id: 'a', version, loadedAtMs, title: '', body: '' }
}

describe('HourObserver', () => {
  it('counts a value as too old more than a second past the bound', () => {
    const observer = new HourObserver(60)
    observer.answer(item(1, 0), { nowMs: 61_000, newestBefore: 0, tags: [] })
    expect(observer.tooOld).toBe(0)
    observer.answer(item(1, 0), { nowMs: 61_001, newestBefore: 0, tags: [] })
    expect(observer.tooOld).toBe(1)
    expect(observer.oldestMs).toBe(61_001)
  })

  it('counts an older version than the isolate had been given', () => {
    const observer = new HourObserver(60)
    observer.answer(item(2, 0), { nowMs: 1, newestBefore: 2, tags: [] })
    observer.answer(item(1, 0), { nowMs: 1, newestBefore: 2, tags: [] })
    expect(observer.wentBack).toBe(1)
  })

  it('measures how long after the expiry of a tag a value from before it is given', () => {
    const observer = new HourObserver(60)
    observer.expire('list', 1000)
    observer.answer(item(1, 1001), { nowMs: 5000, newestBefore: 0, tags: ['list'] })
    expect(observer.readsBeforeExpiry).toBe(0)
    observer.answer(item(1, 900), { nowMs: 4000, newestBefore: 0, tags: ['list'] })
    expect(observer.readsBeforeExpiry).toBe(1)
    expect(observer.longestTagLagMs).toBe(3000)
  })

  it('tells a refused write from another failure', () => {
    const observer = new HourObserver(60)
    observer.fail(new Error('KV PUT failed: 429 Too Many Requests'))
    observer.fail(new Error('The origin is down'))
    expect(observer).toMatchObject({ throws: 2, refused: 1 })
  })
})

describe('IsolateMemory', () => {
  it('keeps the newest version of a key', () => {
    const memory = new IsolateMemory()
    memory.see(item(2, 0))
    memory.see(item(1, 0))
    expect(memory.newest('a')).toBe(2)
    expect(memory.newest('b')).toBe(0)
  })
})
