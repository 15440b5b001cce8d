import type { Timers } from '@codex/cloudflare-clients'
import type { ConfigAuthorityCalls, ConfigAuthorityNamespace } from '../config-authority-calls.ts'
import type { ConfigNotice } from '../client/notice.ts'
import { adoptPublished } from './adopt-published.ts'
import { ConfigAuthority } from './config-authority.ts'
import { ConfigOutbox } from './config-outbox.ts'
import { type ConfigPublishReporter, createPublishReporter } from './config-publish-event.ts'
import { MapConfigStorage } from './map-config-storage.ts'
import { fetchBody, prepareChange } from './prepare-change.ts'
import { sleep } from '../client/race-timer.ts'

export interface MemoryConfigAuthorityOptions {
  /** Where configurations are published to, each under its name. */
  readonly kv: KVNamespace
  /** Where readers are told of each publication. Default: nowhere. */
  readonly notices?: Pick<Queue<ConfigNotice>, 'send'>
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** 0 inclusive to 1 exclusive, for the time between tries. Default `Math.random`. */
  readonly random?: () => number
  readonly timers?: Timers
  /** Keeps a request's isolate at work until what it changed is in KV. Default: nothing does. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Told where KV failed. Default: a JSON line on `console.warn`. */
  readonly onEvent?: ConfigPublishReporter
}

/** Takes the place of the binding of `ConfigObject`. */
export interface MemoryConfigAuthority extends ConfigAuthorityNamespace {
  /** Waits until KV has the newest of each configuration: for ever, where KV fails for ever. */
  whenPublished(): Promise<void>
}

const maxSleepMs = 1000

interface Configuration {
  readonly calls: ConfigAuthorityCalls
  publishing: Promise<void> | undefined
}

/**
 * Decides about versions in this isolate's memory, and publishes them to KV: for tests, and for local development without a coordinator. It is the
 * code of `ConfigObject`, without a network or a disk; arguments and replies are copied, as on the way to an object.
 * It begins with what KV holds. Another isolate knows nothing of it: with two of them, versions are lost.
 *
 * @example
 * ```ts
 * import { ConfigPublisher, memoryConfigAuthority } from '@codex/config/publisher'
 *
 * const authority = memoryConfigAuthority({ kv: env.CONFIG_KV })
 * const publisher = new ConfigPublisher({ authority, name: 'web/production', author: 'ada' })
 *
 * await publisher.publish('logLevel: debug', { syntax: 'yaml' })
 * await authority.whenPublished()
 * ```
 */
export function memoryConfigAuthority(
  options: MemoryConfigAuthorityOptions,
): MemoryConfigAuthority {
  const configurations = new Map<string, Configuration>()
  return {
    getByName(name) {
      const configuration = configurations.get(name) ?? createConfiguration(name, options)
      configurations.set(name, configuration)
      return configuration.calls
    },
    async whenPublished() {
      for (const { publishing } of configurations.values()) await publishing
    },
  }
}

function createConfiguration(
  name: string,
  {
    kv,
    notices,
    now = Date.now,
    random = Math.random,
    timers = globalThis,
    waitUntil,
    onEvent,
  }: MemoryConfigAuthorityOptions,
): Configuration {
  const storage = new MapConfigStorage()
  const authority = new ConfigAuthority({ name, storage, now, isManaged: false })
  const report = createPublishReporter(onEvent)
  const outbox = new ConfigOutbox({ authority, storage, kv, notices, now, random, timers, report })
  const places = { storage, kv }
  let adopting: Promise<void> | undefined
  const configuration: Configuration = { calls: toCalls(), publishing: undefined }
  return configuration

  function toCalls(): ConfigAuthorityCalls {
    return {
      getDocument: over(adopt, (knownVersion) => authority.getDocument(knownVersion)),
      getHistory: over(adopt, (request) => authority.getHistory(request)),
      getRelease: over(adopt, async (version) => {
        await fetchBody(version, places)
        return authority.getRelease(version)
      }),
      change: over(adopt, async (request) => {
        const sha256 = await prepareChange(request, places)
        const { version } = authority
        const reply = authority.change(request, sha256)
        if (authority.version > version) {
          outbox.noteChange()
          publish()
        }
        return reply
      }),
    }
  }

  /** Once. A failure is for the calls that met it. */
  function adopt(): Promise<void> {
    adopting ??= adoptOnce().catch((error: unknown) => {
      adopting = undefined
      throw error
    })
    return adopting
  }

  async function adoptOnce(): Promise<void> {
    await adoptPublished({ kv, text: await kv.get(name), authority, report })
    if (authority.version > 0) outbox.noteAdopted()
  }

  function publish(): void {
    configuration.publishing ??= runToEnd().finally(() => {
      configuration.publishing = undefined
    })
    waitUntil?.(configuration.publishing)
  }

  async function runToEnd(): Promise<void> {
    // After the change that it is called for is over.
    await Promise.resolve()
    for (let atMs = outbox.nextAtMs(); atMs !== null; atMs = outbox.nextAtMs()) {
      const waitMs = atMs - now()
      // In short steps, because a change makes the wait for another try end.
      if (waitMs > 0) await sleep(Math.min(waitMs, maxSleepMs), timers)
      else await outbox.run()
    }
  }
}

function over<Args extends readonly unknown[], Reply>(
  prepare: () => Promise<void>,
  decide: (...args: Args) => Reply | Promise<Reply>,
): (...args: Args) => Promise<Reply> {
  return async (...args) => {
    const copied = structuredClone(args)
    await prepare()
    return structuredClone(await decide(...copied))
  }
}
