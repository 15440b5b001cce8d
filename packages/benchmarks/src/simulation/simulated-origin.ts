import type { VirtualClock } from '@codex/cloudflare-clients/testing'
import type { Item } from '../libraries/cache-under-test.ts'

const body = 'x'.repeat(400)

/** The database behind the cache: always right, slow, and counted. */
export class SimulatedOrigin {
  /** How long a load takes, in milliseconds. */
  static readonly loadMs = 100
  loads = 0
  isDown = false
  readonly #versions = new Map<string, number>()
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  readonly load = async (id: string): Promise<Item> => {
    this.loads++
    // What a query gives is what was there when it began.
    const item = this.read(id)
    await this.#clock.sleep(SimulatedOrigin.loadMs)
    if (this.isDown) throw new Error('The origin is down')
    return item
  }

  /** The item as it is now, without a load. */
  read(id: string): Item {
    const version = this.#versions.get(id) ?? 1
    return { id, version, loadedAtMs: this.#clock.now(), title: `Item ${id}`, body }
  }

  /** Changes the item. @returns What it is now. */
  change(id: string): Item {
    this.#versions.set(id, (this.#versions.get(id) ?? 1) + 1)
    return this.read(id)
  }
}
