import type {
  ConfigChange,
  ConfigRefresh,
  ConfigRefreshOptions,
  ConfigStatus,
} from './config-refresh.ts'
import { type ConfigRefresher, createConfigRefresher } from './config-refresher.ts'
import { createResolvedLoader } from './resolved-loader.ts'
import type { ConfigTree } from '../config-tree.ts'
import type { LoadConfigOptions } from '../load/load-config.ts'
import type { ConfigExplanation, LoadedConfig } from '../load/loaded-config.ts'

/** What is loaded, and when again. `timeoutMs` is for each source, and for a load as a whole. */
export type ConfigClientOptions<T = ConfigTree> = Omit<LoadConfigOptions<T>, 'signal'> &
  ConfigRefreshOptions

/**
 * A configuration that is loaded once, answered from memory, and renewed without a restart. Make one for each configuration, at module scope.
 *
 * **Order.** A load that fails, is invalid or is older than the one in use changes nothing: the last good one stays, and `onEvent` is told why. Older
 * is a load that began before the one in use, or has a lower version of a published document, or lacks one (see `removedAfterSeconds`). What no
 * version says, such as a file, is as new as the load that read it. A configuration is taken as a whole or not at all.
 * (`config-refresher-fuzz.test.ts`, `config-simulation.test.ts`)
 *
 * **Age.** A change is in use `ttlSeconds` after a load could first read it, and what the load takes: with `background` everywhere, with `on-read` from the
 * next request but one, as the first one after that time renews behind its answer. KV itself may be a minute and more behind. A watched source is
 * read `debounceMs` after it told of a change.
 *
 * **Failures.** A load is tried again after 1 second, then 2, 4 … up to `ttlSeconds`, behind requests or by the timer. A failed first load is not remembered.
 *
 * **Cost.** One load at a time for all who wait, whatever number of them: of KV one read for each document. A client that disconnects takes no load away from others.
 * (`config-abort.test.ts`)
 *
 * @example
 * ```ts
 * import { env, waitUntil } from 'cloudflare:workers'
 * import { ConfigClient, kvSource } from '@codex/config'
 *
 * const config = new ConfigClient({
 *   defaults: { greeting: 'Hello' },
 *   sources: [{ source: kvSource(env.CONFIG_KV, 'production/web'), optional: true }],
 *   refresh: 'on-read',
 *   waitUntil,
 * })
 *
 * export default {
 *   async fetch() {
 *     const { greeting } = await config.read()
 *     return new Response(String(greeting))
 *   },
 * } satisfies ExportedHandler
 * ```
 */
export class ConfigClient<T = ConfigTree> {
  readonly #refresher: ConfigRefresher<T>

  /**
   * Asks nobody: the first call of `ready` or `read` does.
   *
   * @throws {TypeError} Where the options are wrong: a URI that the resolver does not know, a JSON Schema that is none, a malformed pattern.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(options: ConfigClientOptions<T>) {
    this.#refresher = createConfigRefresher(createResolvedLoader(options), options)
  }

  /**
   * Waits until something was loaded. The load is shared by all who wait, and a failed one is not remembered: the next call begins another.
   *
   * @throws {ConfigError} When nothing was ever loaded and this load fails too.
   */
  ready(): Promise<T> {
    return this.#refresher.ready()
  }

  /**
   * The last good configuration, frozen, without waiting. The same object until something in it is another.
   *
   * @throws {TypeError} Before the first load.
   */
  get value(): T {
    return this.#held('read').value
  }

  /**
   * The last good configuration. With `on-read`, what is older than `ttlSeconds` is renewed: behind the request with `waitUntil`, and
   * otherwise the call waits for it, `timeoutMs` at most. Call it once in each request.
   *
   * @throws {ConfigError} When nothing was ever loaded and this load fails too.
   */
  read(): Promise<T> {
    return this.#refresher.read()
  }

  /**
   * Loads now: the load it comes to began after the call. Calls share a load. It never rejects. Where another client shares a source (one resolver
   * hands out one source for each URI), what that client is reading of it at the moment is taken for new.
   */
  refresh(): Promise<ConfigRefresh> {
    return this.#refresher.refresh()
  }

  /**
   * Where a value comes from, and what it overrode. Secrets are masked.
   *
   * @param path Such as `server.ports[2]`. Of a map, the leaves below it are told too.
   * @returns `null` where no layer says anything.
   * @throws {TypeError} Before the first load, and for a text that is no path.
   */
  explain(path: string): ConfigExplanation | null {
    return this.#held('explain').loaded.explain(path)
  }

  /**
   * The newest good load. Its `value` is equal to that of the client, and may be another object.
   *
   * @throws {TypeError} Before the first load.
   */
  current(): LoadedConfig<T> {
    return this.#held('read').loaded
  }

  status(): ConfigStatus {
    return this.#refresher.status()
  }

  /** Whether the client asks again when it should: with `background`, that its timer is no later than it may be. `false` after `close`. */
  isRunning(): boolean {
    return this.#refresher.isRunning()
  }

  /**
   * Tells of each change, once, synchronously, after it is in use. Not of the first load. What a listener throws goes to `onEvent`.
   *
   * @returns Ends it.
   */
  watch(listener: (change: ConfigChange<T>) => void): () => void {
    return this.#refresher.watch(listener)
  }

  /**
   * Takes a notice of a new version, as the publisher sends it through a Queue: `{ codexConfig: 1, name, version }`. What is no notice, of another
   * configuration, or not newer is dropped without asking anybody. Otherwise it loads, and as KV may be behind the notice it asks again, 1, 2, 4 …
   * and then each 30 seconds, until the version shows or `noticeSeconds` are over. Notices at the same time share the loads. It never rejects.
   *
   * @returns Whether the version, or a newer one, has come into use. `false`: it was dropped, `onEvent` says why.
   */
  accept(notice: unknown): Promise<boolean> {
    return this.#refresher.accept(notice)
  }

  /** Ends timers, watches and what is under way. What was loaded stays. */
  close(): void {
    this.#refresher.close()
  }

  #held(action: string) {
    const held = this.#refresher.held()
    if (held) return held
    throw new TypeError(
      `Cannot ${action} configuration: wanted one that was loaded, received none yet; await ready() first`,
    )
  }
}
