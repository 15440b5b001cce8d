import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import { createEdgeSimulator } from '../src/testing.ts'
import { kvDifferences } from './kv-differences.ts'
import { readEdgeSimulatorGuide } from './support/provided.ts'

// What docs/edge-simulator.md lists as different from the local KV is different, in the way it says, and nothing else is.

afterEach(async () => {
  await reset()
})

test.for(kvDifferences.map((difference) => [difference.title, difference] as const))(
  '%s',
  async ([, difference]) => {
    const { observe, local, simulated } = difference
    const pass = (): Promise<void> => Promise.resolve()
    expect(await observe({ here: env.KV, elsewhere: env.KV, pass })).toEqual(local)

    const simulator = createEdgeSimulator({ locations: ['AMS', 'SIN'], ...difference.options })
    const world = {
      here: simulator.location('AMS').kv('KV'),
      elsewhere: simulator.location('SIN').kv('KV'),
      pass: (seconds: number) => simulator.clock.advance(seconds * 1000),
    }
    expect(await observe(world)).toEqual(simulated)
  },
)

test('the guide lists exactly these differences, each with what it follows', () => {
  const [, section = ''] = readEdgeSimulatorGuide().split('\n## Differences from local KV\n')
  const [list = ''] = section.split('\n## ')
  const sections = list.split('\n### ').slice(1)
  const titles = sections.map((text) => text.split('\n')[0])
  expect(titles).toEqual(kvDifferences.map(({ title }) => title))
  for (const [at, { source }] of kvDifferences.entries()) expect(sections[at]).toContain(source)
})
