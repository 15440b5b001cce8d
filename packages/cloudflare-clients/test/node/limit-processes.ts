import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { bundleWorker } from './bundle-worker.ts'

const compatibilityDate = '2026-11-01'
const log = new Log(LogLevel.ERROR)

/** A coordinator in a process of its own, whose objects outlive it on disk. */
export class CoordinatorProcess {
  readonly #folder: string
  readonly #script: string
  #miniflare: Miniflare
  readonly port: number

  private constructor(at: { folder: string; script: string; miniflare: Miniflare; port: number }) {
    this.#folder = at.folder
    this.#script = at.script
    this.#miniflare = at.miniflare
    this.port = at.port
  }

  static async start(): Promise<CoordinatorProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'coordinator-'))
    const script = await bundleWorker(`${import.meta.dirname}/limit-coordinator-worker.ts`)
    const miniflare = start({ script, folder, port: 0 })
    const { port } = await miniflare.ready
    return new CoordinatorProcess({ folder, script, miniflare, port: Number(port) })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  /** Ends the process. What the objects have not written is lost. */
  async kill(): Promise<void> {
    await this.#miniflare.dispose()
  }

  async restart(): Promise<void> {
    this.#miniflare = start({ script: this.#script, folder: this.#folder, port: this.port })
    await this.#miniflare.ready
  }

  async remove(): Promise<void> {
    await this.#miniflare.dispose()
    await rm(this.#folder, { recursive: true })
  }
}

function start(options: { script: string; folder: string; port: number }): Miniflare {
  return new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: options.script,
      compatibilityDate,
      log,
      port: options.port,
      durableObjects: { RATE_LIMITER: { className: 'RateLimiterObject', useSQLite: true } },
      resourcePersistencePath: options.folder,
    }),
  )
}

export interface ClientProcess {
  readonly url: URL
  stop(): Promise<void>
}

/** Starts Workers that limit with one coordinator, each in a process of its own. */
export async function startClients(
  count: number,
  bindings: { COORDINATOR: string; DELAY_MS: number; DEADLINE_MS: number },
): Promise<readonly ClientProcess[]> {
  const script = await bundleWorker(`${import.meta.dirname}/limit-client-worker.ts`)
  return Promise.all(
    Array.from({ length: count }, async () => {
      const miniflare = new Miniflare(
        convertV4MiniflareOptions({ modules: true, script, compatibilityDate, log, bindings }),
      )
      const url = await miniflare.ready
      return { url, stop: () => miniflare.dispose() }
    }),
  )
}
