import type { LimiterWorld } from '../limiters/limiter-under-test.ts'

/** One Durable Object: it counts what is billed, and its alarms come on time. Its code runs without being interrupted. */
export class SimulatedObject {
  readonly #world: LimiterWorld
  #hasAlarm = false

  constructor(world: LimiterWorld) {
    this.#world = world
  }

  get hasAlarm(): boolean {
    return this.#hasAlarm
  }

  call<T>(location: number, work: () => T): Promise<Awaited<T>> {
    return this.#world.network.call(location, work)
  }

  countRowWritten(): void {
    this.#world.network.usage.rowsWritten++
  }

  setAlarm(atMs: number, run: () => void): void {
    const { clock, network } = this.#world
    this.countRowWritten()
    this.#hasAlarm = true
    clock.setTimeout(() => {
      this.#hasAlarm = false
      network.usage.countRequest()
      run()
    }, atMs - clock.now())
  }
}
