import { createEdgeSimulator, type SimulatorClock } from '@codex/cloudflare-clients/testing'
import { allLibraries } from '../libraries/all-libraries.ts'
import type { CacheLibrary, CacheUnderTest } from '../libraries/cache-under-test.ts'
import { unkey } from '../libraries/unkey.ts'
import { pairedRatio } from '../paired-ratio.ts'

// A process of its own for each pair: what one library makes of the engine's caches is not carried into the next.

const ids = Array.from({ length: 64 }, (_, index) => `item-${index}`)
const readsInBlock = 20_000
const repetitions = 25

function findLibrary(id: string | undefined): CacheLibrary {
  const library = allLibraries.find((candidate) => candidate.id === id)
  if (!library) throw new RangeError(`Cannot measure "${String(id)}": there is no such library`)
  return library
}

interface Side {
  readonly cache: CacheUnderTest
  readonly countOperations: () => number
}

function openSide(library: CacheLibrary): Side {
  const simulator = createEdgeSimulator<SimulatorClock>({
    clock: { now: Date.now, setTimeout: (callback, delayMs) => setTimeout(callback, delayMs) },
    locations: ['AMS'],
    consistency: 'strong',
  })
  const cache = library.create({
    kv: simulator.location('AMS').kv('CACHE_KV'),
    load: (id) =>
      Promise.resolve({ id, version: 1, loadedAtMs: Date.now(), title: id, body: 'x'.repeat(400) }),
    waitUntil: (work) => void work.catch(() => undefined),
    freshSeconds: 3600,
    staleSeconds: 3600,
    memory: true,
  })
  return {
    cache,
    countOperations: () => {
      const { read, write } = simulator.operations
      return read + write
    },
  }
}

/** Reads warm keys, one after the other. @returns Milliseconds. */
async function runBlock({ cache, countOperations }: Side): Promise<number> {
  for (const id of ids) {
    const item = await cache.get(id)
    if (item?.id !== id) throw new Error(`Asked for ${id}, received ${JSON.stringify(item)}`)
  }
  globalThis.gc?.()
  const operationsBefore = countOperations()
  const startedMs = performance.now()
  for (let read = 0; read < readsInBlock; read++) await cache.get(ids[read % ids.length] ?? '')
  const tookMs = performance.now() - startedMs
  if (countOperations() !== operationsBefore) throw new Error('A warm read went to KV')
  return tookMs
}

if (!globalThis.gc) throw new Error('Run this with --expose-gc')
const base = openSide(unkey)
const other = openSide(findLibrary(process.argv[2]))
for (const side of [base, other, base, other]) await runBlock(side)
const ratio = await pairedRatio({
  repetitions,
  measure: (side) => runBlock(side === 'base' ? base : other),
})
process.stdout.write(String(ratio))
