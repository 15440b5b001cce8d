import { CoordinationClient, CounterClient, memoryCoordination } from '../../src/coordination.ts'
import { createVirtualClock, type VirtualClock } from '../../src/testing.ts'

/** An account that refuses a writer whose token is lower than one it has seen. */
class ExampleLedger {
  #balance = 100
  #token = 0

  readBalance(): Promise<number> {
    return Promise.resolve(this.#balance)
  }

  writeBalance(balance: number, fencingToken: number): Promise<void> {
    if (fencingToken < this.#token) return Promise.reject(new Error('too late'))
    this.#token = fencingToken
    this.#balance = balance
    return Promise.resolve()
  }
}

/** Gives another token each time, and takes each but once. */
class ExampleProvider {
  refreshes = 0

  refreshToken(): Promise<string> {
    this.refreshes++
    return Promise.resolve(`token ${this.refreshes}`)
  }
}

export interface CoordinationExample {
  readonly coordination: CoordinationClient
  readonly counters: CounterClient
  readonly ledger: ExampleLedger
  readonly provider: ExampleProvider
  readonly clock: VirtualClock
}

/** What the guide's examples stand on: an object in memory, on a clock that they move. */
export function createCoordinationExample(): CoordinationExample {
  const clock = createVirtualClock()
  const options = { now: clock.now, timers: clock }
  const namespace = memoryCoordination(options)
  return {
    coordination: new CoordinationClient(namespace, options),
    counters: new CounterClient(namespace, { timers: clock }),
    ledger: new ExampleLedger(),
    provider: new ExampleProvider(),
    clock,
  }
}
