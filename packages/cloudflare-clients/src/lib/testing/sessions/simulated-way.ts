import type { VirtualClock } from '../virtual-clock.ts'
import type { SessionPlan } from './session-plan.ts'

/** One way from each location to the one place of the authorities, in ms. */
const onewayMs: Readonly<Record<string, number>> = { AMS: 5, IAD: 45, SIN: 85, GRU: 100, SYD: 130 }

export const sessionLocations: readonly string[] = Object.keys(onewayMs)

/** What is lost on the way fails after a while, or never comes back. */
export class SimulatedWay {
  calls = 0
  /** From then on nothing is lost. */
  isCalm = false
  readonly #clock: VirtualClock
  readonly #plan: SessionPlan
  readonly #random: () => number
  readonly #startMs: number

  constructor(
    clock: VirtualClock,
    options: { readonly plan: SessionPlan; readonly random: () => number },
  ) {
    this.#clock = clock
    this.#plan = options.plan
    this.#random = options.random
    this.#startMs = clock.now()
  }

  async call<Reply>(location: string, work: () => Reply): Promise<Awaited<Reply>> {
    this.calls++
    const isSilent = this.#random() < this.#plan.silentShare
    await this.#travel(location)
    await this.#meetLoss('before it was handled', isSilent)
    // As over RPC: nobody shares an object, and what is thrown there is thrown here, as late as a reply.
    const handle = async (): Promise<Awaited<Reply>> => structuredClone(await work())
    const handled = handle()
    await handled.catch(() => undefined)
    await this.#travel(location)
    await this.#meetLoss('after it was handled', isSilent)
    return handled
  }

  #travel(location: string): Promise<void> {
    const { tailMs } = this.#plan
    const tail = this.#random() < 0.1 && !this.isCalm ? this.#random() * tailMs : 0
    return this.#clock.sleep(
      Math.floor((onewayMs[location] ?? 50) * (0.8 + 0.4 * this.#random()) + tail),
    )
  }

  async #meetLoss(when: string, isSilent: boolean): Promise<void> {
    const sinceMs = this.#clock.now() - this.#startMs
    const isOut = this.#plan.outages.some(
      ({ startMs, endMs }) => sinceMs >= startMs && sinceMs < endMs,
    )
    if (this.isCalm || (!isOut && this.#random() >= this.#plan.lossRate)) return
    if (isSilent) await new Promise(() => undefined)
    throw new Error(`The request was lost ${when}`)
  }
}
