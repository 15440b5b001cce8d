import { describe, expect, test } from 'vitest'
import { createEdgeSimulator, type EdgeSimulator } from './edge-simulator.ts'

interface World {
  readonly simulator: EdgeSimulator
  readonly amsterdam: KVNamespace
  readonly singapore: KVNamespace
}

function createWorld(): World {
  const simulator = createEdgeSimulator({
    locations: ['AMS', 'SIN'],
    consistency: { propagation: 0, readYourWrites: 1 },
    limits: { writesPerSecondPerKey: Infinity },
  })
  const store = simulator.store('KV')
  for (const key of ['a', 'b', 'c']) store.seed(key, `value of ${key}`)
  return {
    simulator,
    amsterdam: simulator.location('AMS').kv('KV'),
    singapore: simulator.location('SIN').kv('KV'),
  }
}

async function messageOf(call: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${String(await call)}`
  } catch (error) {
    return (error as Error).message
  }
}

describe('while the central store is down', () => {
  test('a location serves what it has cached, misses too, and nothing else', async () => {
    const { simulator, singapore } = createWorld()
    await singapore.get(['a', 'none'])
    const end = simulator.injectFault({ type: 'central_down' })
    expect(await singapore.get('a')).toBe('value of a')
    expect(await singapore.get('none')).toBeNull()
    expect([...(await singapore.get(['a', 'none'])).values()]).toEqual(['value of a', null])
    expect(await messageOf(singapore.get('b'))).toBe('KV GET failed: 503 Service Unavailable')
    expect(await messageOf(singapore.get(['a', 'b']))).toBe(
      'KV GET_BULK failed: 503 Service Unavailable',
    )
    expect(await messageOf(singapore.list())).toBe('KV GET failed: 503 Service Unavailable')
    expect(await messageOf(singapore.put('a', 'v'))).toBe('KV PUT failed: 503 Service Unavailable')
    expect(await messageOf(singapore.delete('a'))).toBe('KV DELETE failed: 503 Service Unavailable')
    end()
    end()
    expect(await singapore.get('b')).toBe('value of b')
    expect(simulator.store('KV').get('a')?.text).toBe('value of a')
  })

  test('what is cached longer is served longer', async () => {
    const { simulator, singapore } = createWorld()
    await singapore.get('a', { cacheTtl: 3600 })
    await singapore.get('b')
    simulator.injectFault({ type: 'central_down', status: 500 })
    await simulator.clock.advance(60_000)
    expect(await singapore.get('a', { cacheTtl: 3600 })).toBe('value of a')
    expect(await messageOf(singapore.get('b'))).toBe('KV GET failed: 500 Internal Server Error')
  })
})

describe('a fault', () => {
  test('begins and ends at its times', async () => {
    const { simulator, amsterdam } = createWorld()
    const { clock } = simulator
    const startMs = clock.now() + 1000
    simulator.injectFault({ type: 'error', startMs, endMs: startMs + 1000 })
    await clock.advance(999)
    expect(await amsterdam.get('a')).toBe('value of a')
    await clock.advance(1)
    expect(await messageOf(amsterdam.get('a'))).toBe('KV GET failed: 500 Internal Server Error')
    await clock.advance(1000)
    expect(await amsterdam.get('a')).toBe('value of a')
  })

  test('strikes only where and what it is meant to', async () => {
    const { simulator, amsterdam, singapore } = createWorld()
    simulator.injectFault({
      type: 'error',
      status: 502,
      locations: ['SIN'],
      namespaces: ['KV'],
      operations: ['read'],
      keys: (key) => key === 'b',
    })
    expect(await messageOf(singapore.get('b'))).toBe('KV GET failed: 502 Bad Gateway')
    expect(await messageOf(singapore.get(['a', 'b']))).toBe('KV GET_BULK failed: 502 Bad Gateway')
    expect(await singapore.get('a')).toBe('value of a')
    expect(await amsterdam.get('b')).toBe('value of b')
    expect(await simulator.location('SIN').kv('OTHER').get('b')).toBeNull()
    await singapore.put('b', 'v')
  })

  test('strikes a share of calls', async () => {
    const { simulator, amsterdam } = createWorld()
    simulator.injectFault({ type: 'error', rate: 0.2 })
    let failures = 0
    for (let call = 0; call < 2000; call++) {
      if ((await messageOf(amsterdam.get('a'))).startsWith('KV')) failures++
    }
    expect(failures).toBeGreaterThan(340)
    expect(failures).toBeLessThan(460)
  })

  test('in a place that is not there is refused', () => {
    const { simulator } = createWorld()
    expect(() => simulator.injectFault({ type: 'error', locations: ['LHR'] })).toThrow(RangeError)
  })

  test('may fail a write that was stored all the same', async () => {
    const { simulator, amsterdam } = createWorld()
    const end = simulator.injectFault({ type: 'error', appliedShare: 1 })
    expect(await messageOf(amsterdam.put('a', 'new'))).toBe(
      'KV PUT failed: 500 Internal Server Error',
    )
    expect(simulator.store('KV').get('a')?.text).toBe('new')
    end()
    simulator.injectFault({ type: 'error' })
    await messageOf(amsterdam.delete('a'))
    expect(simulator.store('KV').get('a')?.text).toBe('new')
  })

  test('may refuse writes and deletes with a 429', async () => {
    const { simulator, amsterdam } = createWorld()
    simulator.injectFault({ type: 'rate_limited' })
    expect(await messageOf(amsterdam.put('a', 'v'))).toBe('KV PUT failed: 429 Too Many Requests')
    expect(await messageOf(amsterdam.delete('a'))).toBe('KV DELETE failed: 429 Too Many Requests')
    expect(await amsterdam.get('a')).toBe('value of a')
  })

  test('may use the quota up', async () => {
    const { simulator, amsterdam } = createWorld()
    simulator.injectFault({ type: 'quota_exceeded', operations: ['write'] })
    expect(await messageOf(amsterdam.put('a', 'v'))).toBe('KV put() limit exceeded for the day.')
    expect(simulator.operations.write).toBe(0)
    expect(await amsterdam.get('a')).toBe('value of a')
  })

  test('may slow calls down', async () => {
    const { simulator, amsterdam } = createWorld()
    const { clock } = simulator
    simulator.injectFault({ type: 'slow', delayMs: 3000, operations: ['read'] })
    const startMs = clock.now()
    await clock.run(() => amsterdam.get('a'))
    expect(clock.now() - startMs).toBe(3000)
    await amsterdam.put('a', 'v')
  })

  test('may corrupt what is read, and leaves what is stored', async () => {
    const { simulator, amsterdam } = createWorld()
    const end = simulator.injectFault({ type: 'corrupt', keys: (key) => key === 'a' })
    expect(await amsterdam.get('a')).toBe('value')
    expect([...(await amsterdam.get(['a', 'b', 'none'])).values()]).toEqual([
      'value',
      'value of b',
      null,
    ])
    end()
    expect(await amsterdam.get('a')).toBe('value of a')
    simulator.injectFault({ type: 'corrupt', replacement: '{"half' })
    await expect(amsterdam.get('a', 'json')).rejects.toThrow(SyntaxError)
  })
})
