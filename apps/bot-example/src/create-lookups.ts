import { createEmptyKV } from '@codex/cloudflare-clients'
import { CacheClient, loadWithin } from '@codex/cloudflare-clients/cache'
import { createHttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import type { CacheSettings } from './bot-config.ts'
import type { Log } from './json-log.ts'

export interface Lookup {
  /** An address with `{text}`. */
  readonly template: string
  readonly text: string
  readonly cacheSeconds: number
}

/** @returns What the address says, or `null` where it has nothing. Rejects when it cannot be asked and nothing older stands in. */
export type LookUp = (lookup: Lookup) => Promise<string | null>

interface LookupOptions {
  readonly log: Log
  /** Default: the platform's. */
  readonly fetch?: typeof fetch
}

const maxResultBytes = 4096

/**
 * Looks things up on the web, and remembers them in a KV namespace over HTTP that all replicas share, or in this process alone.
 * A failing address is answered for a day by what it said before.
 */
export function createLookups(settings: CacheSettings | undefined, options: LookupOptions): LookUp {
  const { log, fetch = globalThis.fetch } = options
  const cache = new CacheClient(openNamespace(settings), {
    onEvent: (event) => {
      const error = 'error' in event ? messageOf(event.error) : undefined
      log('warn', `cache_${event.type}`, { error })
    },
  })
  const results = cache.define<{ url: string; cacheSeconds: number }, string>('bot-lookup', {
    key: ({ url }) => url,
    load: loadWithin('5s', async ({ url, cacheSeconds }, { setFresh, signal }) => {
      setFresh(cacheSeconds)
      const response = await fetch(url, { redirect: 'error', signal })
      if (response.status === 404) return null
      if (!response.ok) throw new Error(`Cannot look up: the answer was ${response.status}`)
      return readText(response)
    }),
    fresh: '5m',
    staleIfError: '1d',
    memory: '1m',
  })
  return async ({ template, text, cacheSeconds }) => {
    // They would lead to another address than the template's.
    if (/^\.{1,2}$/.test(text)) return null
    const url = template.replaceAll('{text}', () => encodeURIComponent(text))
    try {
      return await results.get({ url, cacheSeconds })
    } catch (error) {
      log('warn', 'lookup_failed', { template, error: messageOf(error) })
      throw error
    }
  }
}

/** The lookups for the settings of the moment: made anew only when those have changed. */
export function createLookupProvider(
  options: LookupOptions,
): (settings: CacheSettings | undefined) => LookUp {
  let current: { readonly settings: CacheSettings | undefined; readonly lookUp: LookUp } | undefined
  return (settings) => {
    if (current === undefined || !isSame(current.settings, settings)) {
      current = { settings, lookUp: createLookups(settings, options) }
    }
    return current.lookUp
  }
}

function openNamespace(settings: CacheSettings | undefined): KVNamespace {
  if (settings === undefined) return createEmptyKV()
  const { accountId, namespaceTitle, apiToken, baseUrl } = settings
  return createHttpKVNamespace({
    accountId,
    namespaceTitle,
    auth: { apiToken: apiToken.reveal() },
    ...(baseUrl !== undefined && { baseUrl }),
    // A chat does not wait longer for a cache.
    deadlineMs: 2000,
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : typeof error
}

function isSame(one: CacheSettings | undefined, other: CacheSettings | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return (
    one.accountId === other.accountId &&
    one.namespaceTitle === other.namespaceTitle &&
    one.baseUrl === other.baseUrl &&
    one.apiToken.equals(other.apiToken)
  )
}

/** The beginning of an answer: a chat shows no more. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    text += decoder.decode(chunk, { stream: true })
    if (bytes > maxResultBytes) break
  }
  return text.trim().slice(0, maxResultBytes)
}
