import { assertKV } from '../kv/assert-kv.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { sleep, type Timers } from '../shared/timers.ts'
import { adoptPublished } from './adopt-published.ts'
import type {
  FlagAuthorityCalls,
  FlagAuthorityNamespace,
  FlagChangeReply,
} from './flag-authority-calls.ts'
import { FlagAuthority } from './flag-authority.ts'
import { FlagPublisher } from './flag-publisher.ts'
import { MapFlagStorage } from './map-flag-storage.ts'
import { validateFlag, validateSegment } from './validate-flag.ts'

export interface MemoryFlagAuthorityOptions {
  /** Where rulesets are published to, under `keys.flags(name)`. */
  readonly kv: KVNamespace
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** 0 inclusive to 1 exclusive, for the time between tries. Default `Math.random`. */
  readonly random?: () => number
  readonly timers?: Timers
  /** Keeps a request's isolate at work until what it changed is in KV. Default: nothing does. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Told where KV failed. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
}

/** Takes the place of the binding of `FlagsObject`. */
export interface MemoryFlagAuthority extends FlagAuthorityNamespace {
  /** Waits until KV has the newest ruleset of each environment: for ever, where KV fails for ever. */
  whenPublished(): Promise<void>
}

const maxSleepMs = 1000

interface Environment {
  readonly calls: FlagAuthorityCalls
  readonly publisher: FlagPublisher
  publishing: Promise<void> | undefined
}

/**
 * Decides about flags in this isolate's memory, and publishes them to KV: for tests, and for local development without a coordinator. It is the
 * code of `FlagsObject`, without a network or a disk; arguments and replies are copied, as on the way to an object. The name is the environment.
 * It begins with what KV holds, and without a history. Another isolate knows nothing of it: with two of them, updates are lost.
 *
 * @throws {TypeError} When `kv` is no namespace.
 *
 * @example
 * ```ts
 * import { FeatureFlags, memoryFlagAuthority } from '@codex/cloudflare-clients/feature-flags'
 *
 * const authority = memoryFlagAuthority({ kv: env.FLAGS_KV })
 * const flags = new FeatureFlags(env.FLAGS_KV, { authority })
 *
 * await flags.setFlag('new-page', { enabled: true, percentage: 10 }, { author: 'ada' })
 * await authority.whenPublished()
 * ```
 */
export function memoryFlagAuthority(options: MemoryFlagAuthorityOptions): MemoryFlagAuthority {
  assertKV('create flag authority', options.kv)
  const environments = new Map<string, Environment>()
  return {
    getByName(name) {
      const environment = environments.get(name) ?? createEnvironment(name, options)
      environments.set(name, environment)
      return environment.calls
    },
    async whenPublished() {
      for (const { publishing } of environments.values()) await publishing
    },
  }
}

function createEnvironment(
  name: string,
  {
    kv,
    now = Date.now,
    random = Math.random,
    timers = globalThis,
    waitUntil,
    onEvent,
  }: MemoryFlagAuthorityOptions,
): Environment {
  const storage = new MapFlagStorage()
  const authority = new FlagAuthority({ storage, now, validateFlag, validateSegment })
  const report = createReporter(onEvent)
  const publisher = new FlagPublisher({
    authority,
    storage,
    environment: name,
    kv,
    now,
    random,
    timers,
    report,
  })
  let adopting: Promise<void> | undefined
  const environment: Environment = { calls: toCalls(), publisher, publishing: undefined }
  return environment

  function toCalls(): FlagAuthorityCalls {
    return {
      getRuleset: over(adopt, (knownVersion) => authority.getRuleset(knownVersion)),
      getHistory: over(adopt, (request) => authority.getHistory(request)),
      change: over(adopt, (request) => published(authority.change(request))),
      changeAll: over(adopt, (request) => published(authority.changeAll(request))),
    }
  }

  function published(reply: FlagChangeReply): FlagChangeReply {
    publisher.noteChange()
    publish()
    return reply
  }

  /** Once. A failure is for the calls that met it. */
  function adopt(): Promise<void> {
    adopting ??= adoptPublished({ kv, environment: name, authority, publisher, report }).catch(
      (error: unknown) => {
        adopting = undefined
        throw error
      },
    )
    return adopting
  }

  function publish(): void {
    environment.publishing ??= runToEnd().finally(() => {
      environment.publishing = undefined
    })
    waitUntil?.(environment.publishing)
  }

  async function runToEnd(): Promise<void> {
    // After the change that it is called for is over.
    await Promise.resolve()
    for (let atMs = publisher.nextAtMs(); atMs !== null; atMs = publisher.nextAtMs()) {
      const waitMs = atMs - now()
      // In short steps, because a change makes the wait for another try end.
      if (waitMs > 0) await sleep(Math.min(waitMs, maxSleepMs), timers)
      else await publisher.run()
    }
  }
}

function over<Args extends readonly unknown[], Reply>(
  prepare: () => Promise<void>,
  decide: (...args: Args) => Reply,
): (...args: Args) => Promise<Reply> {
  return async (...args) => {
    const copied = structuredClone(args)
    await prepare()
    return structuredClone(decide(...copied))
  }
}
