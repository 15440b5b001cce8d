import {
  createEdgeSimulator,
  createSeededRandom,
  type EdgeSimulator,
} from '@codex/cloudflare-clients/testing'
import * as v from 'valibot'
import { ConfigClient, kvSource } from '../../src/index.ts'
import { type ConfigDocument, ConfigPublisher, memoryConfigAuthority } from '../../src/publisher.ts'
import { toPublishedText } from '../../src/lib/publish/config-outbox.ts'
import { chooseRelease, digestBody, toBodyKey } from '../../src/lib/read-config-document.ts'

/** What the drill's configuration is: `release` says which publication it came from. */
const schema = v.object({
  release: v.pipe(v.number(), v.integer(), v.minValue(1)),
  mode: v.picklist(['calm', 'busy']),
  padding: v.optional(v.string()),
})
type Settings = v.InferOutput<typeof schema>

export interface DrillOptions {
  readonly seed: number
  readonly consistency: 'typical' | 'adverse'
  readonly locations: number
  /** Each of 10 seconds. */
  readonly rounds: number
}

/** What was counted. */
export interface DrillReport {
  readonly requests: number
  /** Answered with a release that was published, as it was published, to whom it was for. */
  readonly served: number
  /** Answered with anything else. */
  readonly servedBad: number
  /** Answered with an older version than the reader had before. */
  readonly wentBack: number
  /** A reader that had nothing yet, and got nothing. */
  readonly notStarted: number
  /** Whole versions that were published. */
  readonly published: number
  /** Bad values that were put, by kind. */
  readonly sabotage: Readonly<Record<string, number>>
  /** Loads that a reader refused, by code. */
  readonly refused: Readonly<Record<string, number>>
  /** Readers that at the end, ten minutes after the last publication, had the newest version. */
  readonly upToDate: number
  readonly readers: number
}

const name = 'drill/settings'
const roundMs = 10_000
/** Above what is within a document. */
const largePadding = 'x'.repeat(70_000)

interface Reader {
  readonly location: string
  readonly unit: string
  client: ConfigClient<Settings>
  lastVersion: number
}

/** Publishes, sabotages and reads in all locations at once, in virtual time, and holds each answer to what was published. */
export async function runBadPublishDrill(options: DrillOptions): Promise<DrillReport> {
  const simulator = createEdgeSimulator({
    seed: options.seed,
    consistency: options.consistency,
    locations: Array.from({ length: options.locations }, (_, index) => `L${index}`),
  })
  const drill = new Drill(simulator, options)
  return drill.run()
}

class Drill {
  readonly #simulator: EdgeSimulator
  readonly #options: DrillOptions
  readonly #random: () => number
  readonly #authority: ReturnType<typeof memoryConfigAuthority>
  readonly #publisher: ConfigPublisher
  /** As they were decided, by version. */
  readonly #documents = new Map<number, ConfigDocument>()
  readonly #readers: Reader[] = []
  readonly #sabotage: Record<string, number> = {}
  readonly #refused: Record<string, number> = {}
  readonly #counts = { requests: 0, served: 0, servedBad: 0, wentBack: 0, notStarted: 0 }
  #releases = 0

  constructor(simulator: EdgeSimulator, options: DrillOptions) {
    this.#simulator = simulator
    this.#options = options
    const { clock } = simulator
    this.#random = createSeededRandom(`${options.seed}/drill`)
    this.#authority = memoryConfigAuthority({
      kv: simulator.location('L0').kv('CONFIG_KV'),
      now: clock.now,
      timers: clock,
      random: createSeededRandom(`${options.seed}/authority`),
      onEvent: () => undefined,
    })
    this.#publisher = new ConfigPublisher({
      authority: this.#authority,
      name,
      author: 'drill',
      schema,
    })
  }

  async run(): Promise<DrillReport> {
    const { clock, locations } = this.#simulator
    await this.#publish()
    await clock.advance(600_000)
    for (const { name: location } of locations) {
      const unit = `reader-${location}`
      this.#readers.push({ location, unit, client: this.#open(location, unit), lastVersion: 0 })
    }
    for (let round = 0; round < this.#options.rounds; round++) {
      if (round % 6 === 4) await this.#change()
      if (this.#random() < 0.25) await this.#sabotageOnce()
      await this.#readAll()
      await clock.advance(roundMs)
    }
    // A last one, which heals whatever was left in KV; and time for it to get everywhere.
    await this.#publish()
    await clock.advance(600_000)
    await this.#readAll()
    await clock.advance(60_000)
    await this.#readAll()
    const newest = Math.max(...this.#documents.keys())
    return {
      ...this.#counts,
      published: this.#documents.size,
      sabotage: this.#sabotage,
      refused: this.#refused,
      readers: this.#readers.length,
      upToDate: this.#readers.filter(({ lastVersion }) => lastVersion === newest).length,
    }
  }

  #open(location: string, unit: string): ConfigClient<Settings> {
    const { clock } = this.#simulator
    const source = kvSource(this.#simulator.location(location).kv('CONFIG_KV'), name, { unit })
    return new ConfigClient<Settings>({
      sources: [source],
      schema,
      refresh: 'on-read',
      ttlSeconds: 30,
      now: clock.now,
      timers: clock,
      random: () => 0,
      onEvent: (event) => {
        if (event.type !== 'refresh_failed' && event.type !== 'outdated') return
        const { code } = event.error
        this.#refused[code] = (this.#refused[code] ?? 0) + 1
      },
    })
  }

  async #readAll(): Promise<void> {
    // One after the other, so that the seed decides all.
    for (const reader of this.#readers) {
      // Isolates come and go.
      if (this.#random() < 0.005) {
        reader.client = this.#open(reader.location, reader.unit)
        reader.lastVersion = 0
      }
      await this.#read(reader)
    }
  }

  async #read(reader: Reader): Promise<void> {
    const counts = this.#counts
    counts.requests++
    let value: Settings
    try {
      value = await reader.client.read()
    } catch {
      if (reader.client.status().loadedAtMs === null) counts.notStarted++
      else counts.servedBad++
      return
    }
    const [version = 0] = Object.values(reader.client.current().versions)
    if (this.#isAsPublished(version, reader.unit, value)) counts.served++
    else counts.servedBad++
    if (version < reader.lastVersion) counts.wentBack++
    reader.lastVersion = version
  }

  #isAsPublished(version: number, unit: string, value: Settings): boolean {
    const document = this.#documents.get(version)
    if (document === undefined) return false
    const { body = '' } = chooseRelease(document, unit)
    return JSON.stringify(JSON.parse(body)) === JSON.stringify(value)
  }

  #toBody(): string {
    const release = ++this.#releases
    const padding = this.#random() < 0.5 ? { padding: `${release} ${largePadding}` } : {}
    return JSON.stringify({ release, mode: this.#random() < 0.5 ? 'calm' : 'busy', ...padding })
  }

  /** A publication, or the next step of a rollout. */
  async #change(): Promise<void> {
    const { document } = await this.#publisher.current()
    const draw = this.#random()
    if (document?.candidate !== undefined) {
      if (draw < 0.4) await this.#publisher.ramp(Math.min(100, document.candidate.percentage * 2))
      else if (draw < 0.7) await this.#publisher.promote()
      else await this.#publisher.abort()
    } else if (draw < 0.4) {
      const percentage = 10 + Math.floor(this.#random() * 40)
      await this.#publisher.startRollout(this.#toBody(), { syntax: 'json', percentage })
    } else if (draw < 0.55 && document !== undefined) {
      const releases = await this.#publisher.history()
      const release = releases[Math.floor(this.#random() * releases.length)]
      await this.#publisher.rollback(release?.version ?? 1)
    } else {
      await this.#publisher.publish(this.#toBody(), { syntax: 'json' })
    }
    await this.#noteDocument()
  }

  async #publish(): Promise<void> {
    await this.#publisher.publish(this.#toBody(), { syntax: 'json' })
    await this.#noteDocument()
  }

  async #noteDocument(): Promise<void> {
    const { document } = await this.#publisher.current()
    if (document !== undefined) this.#documents.set(document.version, document)
  }

  /** Puts something bad into KV, past the authority, from any location. */
  async #sabotageOnce(): Promise<void> {
    const { locations } = this.#simulator
    const location = locations[Math.floor(this.#random() * locations.length)]
    const kv = location?.kv('CONFIG_KV')
    const newest = this.#documents.get(Math.max(...this.#documents.keys()))
    if (kv === undefined || newest === undefined) return
    const kinds = Object.entries(this.#kinds(kv, newest))
    const [kind, put] = kinds[Math.floor(this.#random() * kinds.length)] ?? []
    if (kind === undefined || put === undefined) return
    try {
      await put()
      this.#sabotage[kind] = (this.#sabotage[kind] ?? 0) + 1
    } catch {
      // KV refuses a second write within a second, also of a saboteur.
    }
  }

  #kinds(kv: KVNamespace, newest: ConfigDocument): Record<string, () => Promise<void>> {
    const stored = this.#simulator.store('CONFIG_KV').get(name)?.text ?? ''
    const forge = async (body: string, bodyToStore = body): Promise<void> => {
      const { sha256, bytes } = await digestBody(body)
      const version = newest.version + 1
      const stable = { ...newest.stable, version, sha256, bytes, body: bodyToStore }
      await kv.put(name, JSON.stringify({ ...newest, version, stable, candidate: undefined }))
    }
    const bodyKey = toBodyKey(newest.stable.sha256)
    return {
      'values that do not fit': () => forge('{"release":0,"mode":"evil"}'),
      'a body that cannot be parsed': () => forge('{"release":7,,"mode":"calm"}'),
      'a body of another hash': () =>
        forge('{"release":7,"mode":"calm"}', '{"release":8,"mode":"calm"}'),
      'a truncated document': () =>
        kv.put(name, stored.slice(0, Math.floor(this.#random() * stored.length))),
      'an older document': async () => {
        const versions = [...this.#documents.keys()]
        const version = versions[Math.floor(this.#random() * versions.length)] ?? 1
        await kv.put(name, toPublishedText(this.#documents.get(version) ?? newest))
      },
      'a pointer to a body that is not there': async () => {
        const { sha256, bytes } = await digestBody(`{"release":9,"padding":"${largePadding}"}`)
        const version = newest.version + 1
        const { body: _, ...info } = newest.stable
        const stable = { ...info, version, sha256, bytes }
        await kv.put(name, JSON.stringify({ ...newest, version, stable, candidate: undefined }))
      },
      'a body taken away': () => kv.delete(bodyKey),
      'a truncated body': () =>
        kv.put(bodyKey, (newest.stable.body ?? '').slice(0, Math.floor(this.#random() * 60_000))),
      'a document of another format': () =>
        kv.put(name, JSON.stringify({ ...newest, codexConfig: 2, version: newest.version + 1 })),
      'nothing at all': () => kv.delete(name),
      'an empty value': () => kv.put(name, ''),
      'a text that is no map': () => kv.put(name, 'Gone for lunch'),
    }
  }
}
