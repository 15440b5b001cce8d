import { createSeededRandom, type VirtualClock } from '@codex/cloudflare-clients/testing'
import type { CacheUnderTest } from '../libraries/cache-under-test.ts'
import type { SimulatedOrigin } from '../simulation/simulated-origin.ts'
import { createZipf } from '../simulation/zipf.ts'
import { type HourObserver, IsolateMemory } from './hour-observer.ts'

export interface WorkloadOptions {
  readonly durationSeconds: number
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  /** 0: no tags. */
  readonly tagExpiriesPerSecond: number
  readonly keys: number
  readonly tags: number
}

export const hourWorkload: WorkloadOptions = {
  durationSeconds: 3600,
  readsPerSecond: 20,
  writesPerSecond: 0.2,
  tagExpiriesPerSecond: 1 / 60,
  keys: 1000,
  tags: 20,
}

export interface WorkloadRig {
  readonly clock: VirtualClock
  readonly origin: SimulatedOrigin
  readonly observer: HourObserver
  readonly isolates: readonly CacheUnderTest[]
}

/** An item is in the list of everything of its kind, and every key is of one kind. */
export function tagOfRank(rank: number, tags: number): string {
  return `kind-${rank % tags}`
}

/** The same requests at the same times for every library: who answers them is all that differs. */
export async function runWorkload(rig: WorkloadRig, options: WorkloadOptions): Promise<void> {
  const random = createSeededRandom('workload')
  const drawRank = createZipf(options.keys, random)
  const isolates = rig.isolates.map((cache) => ({ cache, memory: new IsolateMemory() }))
  const drawIsolate = (): (typeof isolates)[number] => {
    const isolate = isolates[Math.floor(random() * isolates.length)]
    if (!isolate) throw new RangeError('Cannot run a workload: there are no isolates')
    return isolate
  }
  const { clock, origin, observer } = rig
  const isTagged = options.tagExpiriesPerSecond > 0

  const read = async (): Promise<void> => {
    const { cache, memory } = drawIsolate()
    const rank = drawRank()
    const id = `key-${rank}`
    const newestBefore = memory.newest(id)
    observer.asked++
    const item = await cache.get(id)
    const tags = isTagged ? [tagOfRank(rank, options.tags)] : []
    observer.answer(item, { nowMs: clock.now(), newestBefore, tags })
    if (item) memory.see(item)
  }
  const write = async (): Promise<void> => {
    const { cache, memory } = drawIsolate()
    const id = `key-${drawRank()}`
    const item = origin.change(id)
    await cache.put(id, item)
    memory.see(item)
  }
  const expireTag = async (): Promise<void> => {
    const { cache } = drawIsolate()
    const tagNumber = Math.floor(random() * options.tags)
    for (let rank = tagNumber; rank < options.keys; rank += options.tags) {
      origin.change(`key-${rank}`)
    }
    const tag = tagOfRank(tagNumber, options.tags)
    observer.expire(tag, clock.now())
    await cache.expireTags?.([tag])
  }

  const endMs = clock.now() + options.durationSeconds * 1000
  /** Requests of one kind, as they come: a client does not wait for the answer to another one's. */
  const arrive = async (perSecond: number, request: () => Promise<void>): Promise<void> => {
    const pending = new Set<Promise<void>>()
    while (perSecond > 0) {
      await clock.sleep((-Math.log(1 - random()) / perSecond) * 1000)
      if (clock.now() >= endMs) break
      const answered = request()
        .catch((error: unknown) => {
          observer.fail(error)
        })
        .finally(() => pending.delete(answered))
      pending.add(answered)
    }
    await Promise.all(pending)
  }
  await Promise.all([
    arrive(options.readsPerSecond, read),
    arrive(options.writesPerSecond, write),
    arrive(options.tagExpiriesPerSecond, expireTag),
  ])
}
