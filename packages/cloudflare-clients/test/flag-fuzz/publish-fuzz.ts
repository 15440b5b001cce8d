import type { FlagRuleset } from '../../src/lib/feature-flags/flag-ruleset.ts'
import { FlagAuthority } from '../../src/lib/feature-flags/flag-authority.ts'
import { FlagPublisher } from '../../src/lib/feature-flags/flag-publisher.ts'
import { MapFlagStorage } from '../../src/lib/feature-flags/map-flag-storage.ts'
import { validateFlag, validateSegment } from '../../src/lib/feature-flags/validate-flag.ts'
import { createSeededRandom } from '../../src/lib/testing/seeded-random.ts'
import { createVirtualClock } from '../../src/lib/testing/virtual-clock.ts'

export interface PublishFuzzCounts {
  puts: number
  failedPuts: number
  latePuts: number
  deaths: number
}

/** For longer than any put is late, and any wait for another try. */
const settledMs = 600_000
/** From a change to its value in KV, where KV is well: the second between two writes, and a put. */
const maxLagMs = 2500
const key = 'flags:production'

/**
 * One object with its alarm, before a KV that refuses a second write within a second, fails before and after it has taken a value,
 * hangs, and takes values late, while the object dies in between. Changes come in bursts.
 *
 * @returns What went wrong, or nothing.
 */
export async function runPublishFuzz(
  seed: number,
  counts: PublishFuzzCounts,
): Promise<string | undefined> {
  try {
    await new PublishRun(seed, counts).run()
    return undefined
  } catch (error) {
    return `publishing, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** The object from a start to its end. */
interface Life {
  readonly authority: FlagAuthority
  readonly publisher: FlagPublisher
  isDead: boolean
  isAlarmRunning: boolean
  isAlarmKnown: boolean
}

class PublishRun {
  readonly #random: () => number
  readonly #counts: PublishFuzzCounts
  readonly #clock = createVirtualClock()
  readonly #storage = new MapFlagStorage()
  /** What KV holds. */
  #stored: FlagRuleset | undefined
  #storedAtMs = -Infinity
  /** The version of the last put that was begun. */
  #begunVersion = 0
  #endedAtMs = -Infinity
  #weather = 0
  #reports = 0
  #failures = 0
  #alarmAtMs: number | null = null
  #alarmTimer: unknown
  #changes = 0
  #life: Life
  #broken: string | undefined

  constructor(seed: number, counts: PublishFuzzCounts) {
    this.#random = createSeededRandom(`publish ${seed}`)
    this.#counts = counts
    this.#life = this.#begin()
  }

  async run(): Promise<void> {
    for (let step = 0; step < 60; step++) {
      const random = this.#random()
      if (random < 0.45) await this.#change()
      else if (random < 0.5) this.#weather = 0
      else if (random < 0.6) this.#weather = this.#random()
      else if (random < 0.7) this.#die()
      else
        await this.#clock.advance(this.#random() < 0.7 ? Math.floor(3000 * this.#random()) : 90_000)
    }
    this.#weather = 0
    // A call, which notices where the runtime gave up the alarm.
    this.#ensureAlarm()
    await this.#clock.advance(settledMs)
    this.#expectNewest('in the end')
    if (this.#alarmAtMs !== null) throw new Error('an alarm is left')
    if (this.#life.publisher.nextAtMs() !== null) throw new Error('something is left to do')
    await this.#expectSoon()
    if (this.#broken !== undefined) throw new Error(this.#broken)
    if (this.#reports !== this.#failures) {
      throw new Error(`${this.#failures} failures were reported ${this.#reports} times`)
    }
  }

  /** Where all is well, each change is there soon. */
  async #expectSoon(): Promise<void> {
    for (let count = 0; count < 5; count++) {
      await this.#change()
      await this.#change()
      await this.#clock.advance(maxLagMs)
      this.#expectNewest('soon after a change')
    }
  }

  #expectNewest(when: string): void {
    const { version, ruleset } = this.#life.authority.getRuleset()
    if (version === 0 || JSON.stringify(this.#stored) === JSON.stringify(ruleset)) return
    throw new Error(`KV has version ${this.#stored?.version} of ${version} ${when}`)
  }

  #begin(): Life {
    const life: Partial<Life> = { isDead: false, isAlarmRunning: false, isAlarmKnown: false }
    const storage = this.#storage
    const now = this.#clock.now
    const authority = new FlagAuthority({ storage, now, validateFlag, validateSegment })
    const publisher = new FlagPublisher({
      authority,
      storage: {
        loadOutbox: () => storage.loadOutbox(),
        saveOutbox: (row) => {
          if (!life.isDead) storage.saveOutbox(row)
        },
      },
      environment: 'production',
      kv: { put: (name: string, value: string) => this.#put(name, value) } as KVNamespace,
      now,
      random: this.#random,
      timers: this.#clock,
      report: () => {
        if (!life.isDead) this.#reports++
      },
    })
    return Object.assign(life, { authority, publisher }) as Life
  }

  async #change(): Promise<void> {
    const { authority, publisher } = this.#life
    this.#changes++
    const reply = authority.change({
      changeId: `id-${this.#changes}`,
      target: { kind: 'flag', name: 'a' },
      next: { enabled: true, description: `change ${this.#changes}` },
      author: 'ada',
    })
    if (!reply.ok) throw new Error('a change was refused')
    publisher.noteChange()
    this.#setAlarm()
    // Sometimes in the same turn as the next, sometimes not.
    if (this.#random() < 0.5) await this.#clock.advance(0)
  }

  /** While an alarm is under way, the runtime runs it again; now and then it has done so too often. */
  #die(): void {
    this.#counts.deaths++
    this.#life.isDead = true
    const isRetried = this.#life.isAlarmRunning
    this.#life = this.#begin()
    if (isRetried) this.#scheduleAlarm(this.#random() < 0.8 ? this.#clock.now() + 2000 : null)
    if (this.#random() < 0.5) this.#ensureAlarm()
  }

  #ensureAlarm(): void {
    if (this.#life.isAlarmKnown) return
    this.#life.isAlarmKnown = true
    if (this.#alarmAtMs === null) this.#setAlarm()
  }

  #setAlarm(): void {
    const nextAtMs = this.#life.publisher.nextAtMs()
    if (nextAtMs !== null) this.#scheduleAlarm(nextAtMs)
  }

  #scheduleAlarm(atMs: number | null): void {
    this.#clock.clearTimeout(this.#alarmTimer)
    this.#alarmAtMs = atMs
    if (atMs === null || this.#life.isAlarmRunning) return
    const delayMs = Math.max(0, atMs - this.#clock.now())
    this.#alarmTimer = this.#clock.setTimeout(() => void this.#alarm(this.#life), delayMs)
  }

  async #alarm(life: Life): Promise<void> {
    this.#alarmAtMs = null
    life.isAlarmRunning = true
    await life.publisher.run()
    if (life.isDead) return
    life.isAlarmRunning = false
    // What was set meanwhile rings now that this one is over.
    this.#scheduleAlarm(life.publisher.nextAtMs())
  }

  async #put(name: string, value: string): Promise<void> {
    const beganAtMs = this.#clock.now()
    const ruleset = JSON.parse(value) as FlagRuleset
    this.#counts.puts++
    if (name !== key) throw this.#fail(`a put of ${name}`)
    if (ruleset.version < this.#begunVersion) {
      throw this.#fail(`version ${ruleset.version} was put after ${this.#begunVersion}`)
    }
    this.#begunVersion = ruleset.version
    if (beganAtMs < this.#endedAtMs + 1000) throw this.#fail('two puts came within a second')
    const life = this.#life
    const note = (isFailure: boolean): void => {
      if (life.isDead) return
      this.#endedAtMs = this.#clock.now()
      if (isFailure) this.#failures++
    }
    await this.#clock.sleep(Math.floor(this.#random() * 200))
    const fate = this.#random() < this.#weather ? this.#random() : 1
    if (fate === 1 && this.#clock.now() >= this.#storedAtMs + 1000) {
      note(false)
      this.#store(ruleset)
      return
    }
    this.#counts.failedPuts++
    if (fate === 1 || fate < 0.3) {
      note(true)
      throw new Error('KV PUT failed: 429 Too Many Requests')
    }
    if (fate < 0.5) this.#store(ruleset)
    else if (fate < 0.8) {
      this.#clock.setTimeout(
        () => {
          this.#counts.latePuts++
          this.#store(ruleset)
        },
        1000 + Math.floor(this.#random() * 55_000),
      )
    }
    // Without an end: 30 s later its end is not waited for any more.
    if (fate > 0.7 && fate < 0.9) {
      this.#clock.setTimeout(
        () => {
          note(true)
        },
        30_000 - (this.#clock.now() - beganAtMs),
      )
      await new Promise(() => undefined)
    }
    note(true)
    throw new Error('KV PUT failed: 500 Internal Server Error')
  }

  #store(ruleset: FlagRuleset): void {
    this.#stored = ruleset
    this.#storedAtMs = this.#clock.now()
  }

  /** Also where whoever puts catches it. */
  #fail(text: string): Error {
    this.#broken ??= text
    return new Error(text)
  }
}
