import type { Timers } from '@codex/cloudflare-clients'
import type {
  ConfigAuthorityCalls,
  ConfigAuthorityNamespace,
  ConfigChangeReply,
  ConfigChangeRequest,
} from '../config-authority-calls.ts'
import {
  type ConfigDocument,
  configDocumentLimits,
  type ConfigRelease,
} from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import { toBodyKey } from '../read-config-document.ts'
import { adoptPublished } from './adopt-published.ts'
import { ConfigAuthority } from './config-authority.ts'
import { readBody } from './config-body.ts'
import { toPublishedText } from './config-outbox.ts'
import { type ConfigPublishReporter, createPublishReporter } from './config-publish-event.ts'
import { MapConfigStorage } from './map-config-storage.ts'
import { OwnChanges, toIdentity } from './own-changes.ts'
import { fetchBody, prepareChange } from './prepare-change.ts'
import { parsePublished } from './published-value.ts'
import { sleep } from '../client/race-timer.ts'

export interface KVConfigAuthorityOptions {
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  readonly timers?: Timers
  /** Told of a document that is torn. Default: a JSON line on `console.warn`. */
  readonly onEvent?: ConfigPublishReporter
}

/** The least that KV takes. */
const cacheTtlSeconds = 30
/** A little over the second in which KV refuses another write to a key. */
const writeSpacingMs = 1100
const maxWriteAttempts = 4
/** A body that was put is asked for this often: after 1, 2, 4 … seconds, and then each 30, five minutes in all. A location remembers a miss for a minute. */
const maxBodyReads = 14
const maxPauseMs = 30_000

interface Opened {
  readonly storage: MapConfigStorage
  readonly authority: ConfigAuthority
}

/**
 * Decides about versions with nothing but KV: what is there is read, changed and written, bodies before the document. For those who
 * have one publisher, such as a pipeline that runs once at a time.
 *
 * **Two publishers within about a minute may lose one of two versions**, because KV has no compare-and-set, and a location goes on
 * reading what it read before. What was written is read back, so that some of them hear of it as a conflict. `ifVersion` is compared with what KV shows. A repeated
 * call is known for the last 200 changes of this one, and by no other process. The history is that of the document: 50 releases, whose bodies are all put under `config-body:{sha256}`.
 * It refuses to change what a `ConfigObject` decides about.
 *
 * @example
 * ```ts
 * import { ConfigPublisher, kvConfigAuthority } from '@codex/config/publisher'
 *
 * const authority = kvConfigAuthority(env.CONFIG_KV)
 * const publisher = new ConfigPublisher({ authority, name: 'bot/production', author: 'deploy' })
 * ```
 */
export function kvConfigAuthority(
  kv: KVNamespace,
  options: KVConfigAuthorityOptions = {},
): ConfigAuthorityNamespace {
  const { now = Date.now, timers = globalThis, onEvent } = options
  const report = createPublishReporter(onEvent)
  /** The newest that this one wrote: a location may show it an older one. */
  const written = new Map<string, ConfigDocument>()
  const ownChanges = new OwnChanges()
  return { getByName: toCalls }

  function toCalls(name: string): ConfigAuthorityCalls {
    return {
      async getDocument(knownVersion) {
        return (await open(name)).authority.getDocument(knownVersion)
      },
      async getHistory(request) {
        return (await open(name)).authority.getHistory(request)
      },
      async getRelease(version) {
        const { storage, authority } = await open(name)
        await fetchBody(version, { storage, kv })
        return authority.getRelease(version)
      },
      change: (request) => change(name, request),
    }
  }

  async function open(name: string): Promise<Opened> {
    return openText(name, await readNewest(name))
  }

  async function openText(name: string, text: string | null, atMs?: number): Promise<Opened> {
    const storage = new MapConfigStorage()
    const authority = new ConfigAuthority({
      name,
      storage,
      now: atMs === undefined ? now : () => atMs,
      isManaged: false,
    })
    await adoptPublished({ kv, text, authority, report })
    return { storage, authority }
  }

  async function readNewest(name: string): Promise<string | null> {
    const text = await kv.get(name, { type: 'text', cacheTtl: cacheTtlSeconds })
    const own = written.get(name)
    if (own === undefined) return text
    const found = parsePublished(name, text)
    return found.kind === 'document' && found.document.version >= own.version
      ? text
      : JSON.stringify(own)
  }

  async function change(name: string, request: ConfigChangeRequest): Promise<ConfigChangeReply> {
    const { changeId, kind } = request
    const own = ownChanges.find(name, changeId)
    if (own !== undefined && own.kind !== kind) {
      const message = 'changeId must be new, received one of another change'
      return { ok: false, reason: 'invalid', message }
    }
    if (own?.isMade) return { ok: true, version: own.version }
    const text = await readNewest(name)
    const found = parsePublished(name, text)
    // A put that failed without a clear answer, and that KV took.
    if (found.kind === 'document' && own?.identity === toIdentity(found.document)) {
      written.set(name, found.document)
      ownChanges.note({ ...own, isMade: true })
      return { ok: true, version: own.version }
    }
    if (found.kind === 'document' && found.document.managed === true) {
      const message = 'it must be changed through its authority, received a change for KV alone'
      return { ok: false, reason: 'invalid', message }
    }
    const { storage, authority } = await openText(name, text, own?.atMs)
    const before = authority.version
    const sha256 = await prepareChange(request, { storage, kv })
    const reply = authority.change(request, sha256)
    const { document } = authority.getDocument()
    if (!reply.ok || document === undefined) return reply
    if (sha256 !== undefined) await putBody(authority.getRelease(document.version))
    // A file that nobody published has its body nowhere else.
    if (found.kind === 'plain') await putBody(authority.getRelease(before))
    const { version, changedAtMs: atMs } = document
    const made = { name, changeId, kind, version, atMs, identity: toIdentity(document) }
    ownChanges.note({ ...made, isMade: false })
    await put(name, toPublishedText(document))
    written.set(name, document)
    const other = await findOther(name, document)
    if (other !== undefined) return other
    ownChanges.note({ ...made, isMade: true })
    return reply
  }

  /**
   * Also a small one, for who goes back to it. A large one has to be there before the document leads to it; it is not asked for before it was put,
   * because its location would remember that it is not there.
   */
  async function putBody(release: ConfigRelease | null): Promise<void> {
    if (release?.body === undefined) return
    await put(toBodyKey(release.sha256), release.body)
    if (release.bytes <= configDocumentLimits.maxInlineBytes) return
    for (let reads = 0; reads < maxBodyReads; reads++) {
      if ((await readBody(kv, release.sha256)) !== undefined) return
      await sleep(Math.min(maxPauseMs, 1000 * 2 ** reads), timers)
    }
    throw unavailable('put configuration: its body must be in KV before it, and is not there yet')
  }

  async function put(key: string, text: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await kv.put(key, text)
        return
      } catch (cause) {
        if (attempt === maxWriteAttempts || !String(cause).includes('429')) {
          throw unavailable(`put configuration ${JSON.stringify(key)}: KV refused it`, cause)
        }
        await sleep(writeSpacingMs, timers)
      }
    }
  }

  /** Whether somebody else's document came in its place. One that is older is what a location still shows. */
  async function findOther(
    name: string,
    own: ConfigDocument,
  ): Promise<ConfigChangeReply | undefined> {
    const found = parsePublished(name, await readBack(name))
    if (found.kind !== 'document') return undefined
    const { version } = found.document
    if (toIdentity(found.document) === toIdentity(own) || version < own.version) return undefined
    written.delete(name)
    return { ok: false, reason: 'conflict', version }
  }

  /** KV took the put. That it cannot be read back takes nothing from that. */
  async function readBack(name: string): Promise<string | null> {
    try {
      return await kv.get(name, { type: 'text', cacheTtl: cacheTtlSeconds })
    } catch {
      return null
    }
  }
}

function unavailable(problem: string, cause?: unknown): ConfigError {
  return new ConfigError(`Cannot ${problem}`, { code: 'unavailable', operation: 'publish', cause })
}
