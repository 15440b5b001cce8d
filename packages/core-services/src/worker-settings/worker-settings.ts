import { keys } from '@codex/cloudflare-clients'
import {
  ConfigClient,
  kvSource,
  loadConfig,
  type ConfigEvent,
  type ConfigSchema,
  type ConfigSource,
  type ConfigTree,
  type ReferenceProvider,
} from '@codex/config'

/** A line for the log. It holds no secret. */
export interface SettingsLogEntry {
  readonly level: 'info' | 'warn'
  readonly event: 'settings_loaded' | 'settings_changed' | 'settings_failed'
  readonly [field: string]: unknown
}

export interface WorkerSettingsOptions<T> {
  readonly schema: ConfigSchema<T>
  /** What `${NAME:key}` may refer to, in the defaults and in what KV says. Default: nothing. */
  readonly references?: Readonly<Record<string, ReferenceProvider>>
  /** Paths whose texts are secrets wherever they come from, such as `provider.apiKey`. Default: only what came from a secret reference. */
  readonly secrets?: readonly string[]
  /** The settings are under `keys.config(worker)`. */
  readonly worker: string
  /** `undefined` where it is not bound: then there are the defaults only. */
  readonly kv: KVNamespace | undefined
  /** What the worker brings, which may refer to its environment. A document in KV says only what is to differ. */
  readonly defaults: ConfigTree
  /** How long they are used before KV is asked for newer ones. Default 60 s. */
  readonly ttlSeconds?: number
  /** How long the first request of an isolate waits for KV before it goes on with the defaults. Default 2,000 ms. */
  readonly timeoutMs?: number
  /** Keeps what is fetched behind a request alive: the one of `cloudflare:workers`. Default: nothing does. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  readonly log: (entry: SettingsLogEntry) => void
}

/**
 * The settings of a worker: those it brings, and over them what `CONFIG_KV` says. One for each isolate.
 *
 * Reading never fails because of KV or of what it holds: what is missing, out of reach or invalid leaves the last good settings in place,
 * or the defaults, with a line in the log. Newer ones are fetched behind a request once `ttlSeconds` are over, so a change is seen after
 * that and what KV takes, a minute or more. An isolate reads KV once in `ttlSeconds` at most, whether that succeeds or not; a second time where a new
 * document is over 64 KiB, and where several requests wait for the first read and KV does not answer.
 */
export class WorkerSettings<T> {
  readonly #client: ConfigClient<T> | null
  readonly #loadDefaults: () => Promise<T>
  readonly #ttlMs: number
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #now: () => number
  readonly #log: (entry: SettingsLogEntry) => void
  #defaults: { readonly value: T } | null = null
  #askedAtMs = -Infinity
  #standing: 'unasked' | 'loaded' | 'failed' = 'unasked'

  constructor(options: WorkerSettingsOptions<T>) {
    const { worker, kv, defaults, schema, references = {}, secrets = [] } = options
    const { ttlSeconds = 60, timeoutMs = 2_000, waitUntil, now = Date.now, log } = options
    const shared = { defaults, schema, references, secrets }
    this.#ttlMs = ttlSeconds * 1000
    this.#waitUntil = waitUntil
    this.#now = now
    this.#log = log
    this.#loadDefaults = async () => (await loadConfig({ ...shared, sources: [] })).value
    this.#client =
      kv === undefined
        ? null
        : new ConfigClient({
            ...shared,
            sources: [{ source: kvDocument(kv, worker), optional: true }],
            ttlSeconds,
            timeoutMs,
            refresh: 'on-read',
            ...(waitUntil && { waitUntil }),
            now,
            onEvent: (event) => {
              this.#report(event)
            },
          })
  }

  /**
   * Those of now, frozen: the same object until something changes. It waits for KV with the first requests of an isolate only.
   *
   * @throws {ConfigError} When the defaults themselves are not valid, as where a variable of the environment they refer to is malformed.
   */
  async read(): Promise<T> {
    const client = this.#client
    if (client === null) return this.#readDefaults()
    const isDue = this.#now() - this.#askedAtMs >= this.#ttlMs
    if (isDue) this.#askedAtMs = this.#now()
    if (this.#standing === 'unasked') return this.#readFirst(client)
    // Not the client's own renewal, which asks again sooner after a failure: a document that is no good would cost more than a good one.
    if (isDue) this.#renew(client)
    return this.#standing === 'loaded' ? client.value : this.#readDefaults()
  }

  #renew(client: ConfigClient<T>): void {
    // It never rejects.
    const renewing = client.refresh()
    this.#waitUntil?.(renewing)
  }

  async #readFirst(client: ConfigClient<T>): Promise<T> {
    try {
      return await client.ready()
    } catch {
      // It was reported as an event.
      if (this.#standing === 'unasked') this.#standing = 'failed'
      return this.#readDefaults()
    }
  }

  async #readDefaults(): Promise<T> {
    // The value and not its promise, which belongs to a request.
    this.#defaults ??= { value: await this.#loadDefaults() }
    return this.#defaults.value
  }

  #report(event: ConfigEvent): void {
    switch (event.type) {
      case 'loaded': {
        const { versions } = event
        // Nothing is worth a line where there is nothing in KV, as there was nothing before.
        if (this.#standing === 'failed' || Object.keys(versions).length > 0) {
          this.#log({ level: 'info', event: 'settings_loaded', versions })
        }
        this.#standing = 'loaded'
        break
      }
      case 'changed': {
        const { versions, differences } = event
        this.#log({ level: 'info', event: 'settings_changed', versions, differences })
        break
      }
      case 'refresh_failed':
      case 'outdated': {
        const { code, message, faults } = event.error
        this.#log({ level: 'warn', event: 'settings_failed', code, error: message, faults })
        break
      }
      case 'notice_dropped':
      case 'watch_failed':
      case 'listener_failed':
    }
  }
}

function kvDocument(kv: KVNamespace, worker: string): ConfigSource {
  const key = keys.config(worker)
  return kvSource(kv, { key }, { uri: `kv:${key}` })
}
