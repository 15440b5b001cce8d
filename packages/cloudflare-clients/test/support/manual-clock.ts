/** A clock that moves only when a test says so. */
export class ManualClock {
  #nowMs: number

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  readonly now = (): number => this.#nowMs

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000
  }
}
