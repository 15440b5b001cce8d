export interface ReferenceRequest {
  /** Aborted when the time for references is over, or the load is given up. */
  readonly signal: AbortSignal
}

/**
 * Answers `${NAME:key}` under the name it has in `references`.
 *
 * @example
 * import { loadConfig, type ReferenceProvider } from '@codex/config'
 *
 * declare const vault: { read(path: string): Promise<string | null> }
 *
 * const vaultReferences: ReferenceProvider = {
 *   isSecret: true,
 *   get: (key) => vault.read(key),
 * }
 * await loadConfig({ sources: [], references: { vault: vaultReferences } })
 */
export interface ReferenceProvider {
  /**
   * Asked once in a load for each key, all at once.
   *
   * @returns `null`: there is no such value; the reference's default then counts, if it has one. An empty text is a value.
   * @throws Whatever it likes where it fails: only the error's name is ever told.
   */
  get(key: string, request: ReferenceRequest): Promise<string | null>
  /** Whether its values are secrets, and with them every text that one is part of. */
  readonly isSecret: boolean
}

/**
 * `${env:PORT}`: variables of the environment, such as `process.env` or the `env` of a Worker.
 *
 * @param options.isSecret Whether they are secrets. Default `false`: give `env` twice, under two names, to have both.
 *
 * @example
 * import { envReferences } from '@codex/config'
 *
 * const env = { PORT: '8080', API_TOKEN: 'correct horse' }
 * const references = { env: envReferences(env), secret: envReferences(env, { isSecret: true }) }
 * // port: ${env:PORT}
 * // token: ${secret:API_TOKEN}
 */
export function envReferences(
  env: Readonly<Record<string, unknown>>,
  { isSecret = false }: { readonly isSecret?: boolean } = {},
): ReferenceProvider {
  return {
    isSecret,
    get(key) {
      const text = Object.hasOwn(env, key) ? env[key] : undefined
      return Promise.resolve(typeof text === 'string' ? text : null)
    },
  }
}

/** A binding of Cloudflare Secrets Store. */
export interface SecretsStoreBinding {
  get(): Promise<string>
}

/**
 * `${secret:API_TOKEN}`: secrets of Cloudflare Secrets Store, by the names of their bindings.
 *
 * A secret that the store does not have makes its binding throw: that is a failure, for which no default counts.
 *
 * @see https://developers.cloudflare.com/secrets-store/
 *
 * @example
 * import { secretsStoreReferences } from '@codex/config'
 *
 * declare const env: { API_TOKEN: { get(): Promise<string> } }
 *
 * const references = { secret: secretsStoreReferences({ API_TOKEN: env.API_TOKEN }) }
 */
export function secretsStoreReferences(
  bindings: Readonly<Record<string, SecretsStoreBinding>>,
): ReferenceProvider {
  return {
    isSecret: true,
    async get(key) {
      const binding = Object.hasOwn(bindings, key) ? bindings[key] : undefined
      return binding ? binding.get() : null
    },
  }
}

/** What `kvReferences` needs of a namespace: a binding, KV over HTTP, or a simulated one. */
export interface ReferenceKV {
  get(key: string, options: { type: 'text' }): Promise<string | null>
}

/**
 * `${kv:key/with/slashes}`: values of a KV namespace. As stale as KV is: up to 60 s or more.
 *
 * @param options.prefix Put before each key, so that a configuration reads nothing else. Default: none.
 * @param options.isSecret Default `false`.
 *
 * @example
 * import { kvReferences } from '@codex/config'
 *
 * declare const env: { CONFIG_KV: KVNamespace }
 *
 * const references = { kv: kvReferences(env.CONFIG_KV, { prefix: 'shared:' }) }
 * // banner: ${kv:banner}
 */
export function kvReferences(
  kv: ReferenceKV,
  { prefix = '', isSecret = false }: { readonly prefix?: string; readonly isSecret?: boolean } = {},
): ReferenceProvider {
  return { isSecret, get: (key) => kv.get(prefix + key, { type: 'text' }) }
}
