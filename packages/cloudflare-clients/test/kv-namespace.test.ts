import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach } from 'vitest'
import { createEdgeSimulator } from '../src/testing.ts'
import { describeKVNamespace } from './kv-namespace.contract.ts'

afterEach(async () => {
  await reset()
})

describeKVNamespace("the runtime's local KV", () => env.KV)

describeKVNamespace('the simulator with one location and no delay', () => {
  const simulator = createEdgeSimulator({
    locations: ['AMS'],
    consistency: 'strong',
    // Expiries are compared with those of the local KV, which has the machine's time.
    clock: { now: () => Date.now(), setTimeout },
  })
  return simulator.location('AMS').kv('KV')
})
