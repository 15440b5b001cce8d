import { convertV4MiniflareOptions, Miniflare, NoOpLog } from 'miniflare'

/** Before the date from which Node's modules are there unless they are refused. */
const compatibilityDate = '2026-07-01'

export interface StartOptions {
  /** Whether Node's built-in modules are there. */
  readonly nodejsCompat: boolean
  /** Classes of the bundle, with SQLite storage, by the name of their binding. Default: none. */
  readonly durableObjects?: Readonly<Record<string, string>>
}

export interface StartedWorker {
  readonly url: URL
  stop(): Promise<void>
}

/** Starts a bundle in workerd, with one real local KV namespace bound as `CACHE_KV`, and waits until it listens. */
export async function startWorker(script: string, options: StartOptions): Promise<StartedWorker> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script,
      compatibilityDate,
      compatibilityFlags: options.nodejsCompat ? ['nodejs_compat'] : [],
      kvNamespaces: { CACHE_KV: 'cache' },
      durableObjects: Object.fromEntries(
        Object.entries(options.durableObjects ?? {}).map(([name, className]) => [
          name,
          { className, useSQLite: true },
        ]),
      ),
      // Libraries that hang or lack a module write pages about it. What matters is in the results.
      log: new NoOpLog(),
      handleStructuredLogs: () => undefined,
    }),
  )
  try {
    const url = await miniflare.ready
    return { url, stop: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose().catch(() => undefined)
    throw error
  }
}
