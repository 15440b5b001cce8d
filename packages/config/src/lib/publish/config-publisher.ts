import type { Timers } from '@codex/cloudflare-clients'
import type {
  ConfigAuthorityCalls,
  ConfigAuthorityNamespace,
  ConfigChangeReply,
  ConfigChangeRequest,
  ConfigDocumentReply,
  ConfigHistoryRequest,
} from '../config-authority-calls.ts'
import type { ConfigRelease, ConfigReleaseInfo, ConfigSyntax } from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import type { ConfigSchema } from '../load/config-schema.ts'
import {
  type ConfigDifference,
  createLoadedConfig,
  type LoadedConfig,
} from '../load/loaded-config.ts'
import { checkBody, parseBody } from './check-body.ts'
import { faultOfName } from './config-name-fault.ts'
import { type RollOutOptions, type RolloutResult, rollOut } from './roll-out.ts'

export interface ConfigPublisherOptions {
  /** The binding of a `ConfigObject`, or an `httpConfigAuthority`, `kvConfigAuthority` or `memoryConfigAuthority`. */
  readonly authority: ConfigAuthorityNamespace
  /** Of the configuration, which is its key in KV: not `.` or `..`, and not one that begins with `config-body:`, where bodies are. */
  readonly name: string
  /** Who publishes. 1 to 200 characters. An HTTP authority may put the one of the token in its place. */
  readonly author: string
  /**
   * What each body must fit by itself, where it is a whole configuration and no layer of one. Values with a reference in them are not held to it.
   * Default: a body need only be one that readers can parse.
   */
  readonly schema?: ConfigSchema<unknown>
  readonly timers?: Timers
}

export interface ConfigChangeOptions {
  /** Why. At most 1,000 characters. */
  readonly description?: string
  /** The version of the document that the caller saw, 0 where there must be none. Default: whatever is there is built upon. */
  readonly ifVersion?: number
}

export interface ConfigPublishOptions extends ConfigChangeOptions {
  readonly syntax: ConfigSyntax
}

export interface ConfigPublication {
  /** Of the document, now. */
  readonly version: number
}

type WithoutCommon<Request> = Request extends unknown ? Omit<Request, 'changeId' | 'author'> : never

/**
 * Publishes the versions of one configuration: a body is parsed and validated before it is sent, and takes effect as one new version.
 *
 * A call returns when the authority has stored the change. KV has it about a second later, and locations show it within a minute or more. With `ifVersion` a change is
 * made only if nobody else made one meanwhile. Repeated by the runtime, a change is made once.
 *
 * Methods reject with a `ConfigError`: `corrupt` or `invalid` for a body with all its `faults`, `invalid` for what the authority refuses, `conflict` where
 * `ifVersion` is not the version that is there, `not_found` for a release that is not kept, and what the authority fails with, such as `unavailable`.
 *
 * @example
 * ```ts
 * import { ConfigPublisher } from '@codex/config/publisher'
 *
 * const publisher = new ConfigPublisher({
 *   authority: env.CONFIG,
 *   name: 'web/production',
 *   author: 'ada',
 * })
 * const { version } = await publisher.publish('logLevel: debug', {
 *   syntax: 'yaml',
 *   description: 'To see what happens',
 * })
 * await publisher.rollback(version - 1)
 * ```
 */
export class ConfigPublisher {
  readonly #options: ConfigPublisherOptions

  constructor(options: ConfigPublisherOptions) {
    const { name, author } = options
    for (const [option, value] of Object.entries({ name, author })) {
      if (typeof value === 'string' && value !== '') continue
      throw new TypeError(
        `Cannot create publisher: ${option} must be a text that is not empty, received ${JSON.stringify(value)}`,
      )
    }
    const fault = faultOfName(name)
    if (fault !== undefined) throw new TypeError(`Cannot create publisher: ${fault}`)
    this.#options = options
  }

  /** What there is now. */
  current(): Promise<ConfigDocumentReply> {
    return this.#ask('read', async (calls) => calls.getDocument())
  }

  /** Makes a body the stable release, for all readers. A rollout that is under way ends. */
  async publish(
    body: string,
    { syntax, ...options }: ConfigPublishOptions,
  ): Promise<ConfigPublication> {
    await this.#check(body, syntax)
    return this.#change({ kind: 'publish', body, syntax, ...options })
  }

  /** Newest first, with the candidates that were given up. */
  history(request: ConfigHistoryRequest = {}): Promise<readonly ConfigReleaseInfo[]> {
    return this.#ask('read', async (calls) => calls.getHistory(request))
  }

  /** A release with its body. */
  async release(version: number): Promise<ConfigRelease & { readonly body: string }> {
    const release = await this.#ask('read', async (calls) => calls.getRelease(version))
    const body = release?.body
    if (release !== null && body !== undefined) return { ...release, body }
    throw new ConfigError(
      `Cannot read ${this.#label()}: version ${version} is no release, or is forgotten`,
      { code: 'not_found', operation: 'read' },
    )
  }

  /** What differs between the bodies of two releases, path by path. */
  async diff(from: number, to: number): Promise<readonly ConfigDifference[]> {
    const [before, after] = await Promise.all([this.release(from), this.release(to)])
    return this.#parse(after).diffFrom(this.#parse(before))
  }

  /** Publishes the body of an older release again, as a new version. A rollout that is under way ends. */
  rollback(toVersion: number, options: ConfigChangeOptions = {}): Promise<ConfigPublication> {
    return this.#change({ kind: 'rollback', toVersion, ...options })
  }

  /**
   * Gives a body to so many of a hundred readers, and to more of them step by step, while a probe says that all is well; then to all. When the
   * probe fails, throws or hangs so many times in a row, the candidate is given up. It is given up as well when `signal` is aborted or
   * the authority fails for minutes. Should this process end, the candidate stays at its percentage until somebody promotes or aborts it.
   */
  async rollOut(body: string, options: RollOutOptions): Promise<RolloutResult> {
    const { syntax, description, ifVersion } = options
    await this.#check(body, syntax)
    const begun = {
      kind: 'rollout',
      body,
      syntax,
      ...(description !== undefined && { description }),
      ...(ifVersion !== undefined && { ifVersion }),
    } as const
    return rollOut(
      {
        start: (percentage, id) => this.#change({ ...begun, percentage }, id),
        ramp: (percentage, seen, id) =>
          this.#change({ kind: 'ramp', percentage, ifVersion: seen }, id),
        promote: (seen, id) => this.#change({ kind: 'promote', ifVersion: seen }, id),
        abort: (seen, id, reason) =>
          this.#change({ kind: 'abort', ifVersion: seen, description: reason.slice(0, 1000) }, id),
      },
      options,
      this.#options.timers ?? globalThis,
    )
  }

  /** Begins a rollout that nobody watches: `ramp`, `promote` and `abort` go on with it. */
  async startRollout(
    body: string,
    { syntax, ...options }: ConfigPublishOptions & { readonly percentage: number },
  ): Promise<ConfigPublication> {
    await this.#check(body, syntax)
    return this.#change({ kind: 'rollout', body, syntax, ...options })
  }

  /** Gives the candidate to more readers, or fewer. @param percentage From 0 to 100 in steps of 0.01. */
  ramp(percentage: number, options: ConfigChangeOptions = {}): Promise<ConfigPublication> {
    return this.#change({ kind: 'ramp', percentage, ...options })
  }

  /** Makes the candidate the stable release. */
  promote(options: ConfigChangeOptions = {}): Promise<ConfigPublication> {
    return this.#change({ kind: 'promote', ...options })
  }

  /** Gives the candidate up. */
  abort(options: ConfigChangeOptions = {}): Promise<ConfigPublication> {
    return this.#change({ kind: 'abort', ...options })
  }

  #check(text: string, syntax: ConfigSyntax): Promise<void> {
    return checkBody({ uri: this.#label(), text, syntax }, this.#options.schema)
  }

  /** With references as they are written. */
  #parse({ body: text, syntax }: ConfigRelease & { readonly body: string }): LoadedConfig<unknown> {
    const root = parseBody({ uri: this.#label(), text, syntax })
    return createLoadedConfig({
      value: undefined,
      root,
      versions: {},
      sources: [],
      fingerprint: '',
      showWritten: String,
    })
  }

  async #change(
    change: WithoutCommon<ConfigChangeRequest>,
    changeId: string = crypto.randomUUID(),
  ): Promise<ConfigPublication> {
    const { author } = this.#options
    const request: ConfigChangeRequest = { ...change, changeId, author }
    const reply = await this.#ask(change.kind, async (calls) => calls.change(request))
    if (reply.ok) return { version: reply.version }
    throw this.#refusal(request, reply)
  }

  #refusal(
    { kind, ifVersion }: ConfigChangeRequest,
    reply: Extract<ConfigChangeReply, { readonly ok: false }>,
  ): ConfigError {
    const problem =
      reply.reason === 'invalid'
        ? reply.message
        : `the version must be ${ifVersion ?? 'the newest'}, received ${reply.version}`
    const { reason: code } = reply
    return new ConfigError(`Cannot ${kind} ${this.#label()}: ${problem}`, { code, operation: kind })
  }

  async #ask<T>(operation: string, ask: (calls: ConfigAuthorityCalls) => Promise<T>): Promise<T> {
    const { authority, name } = this.#options
    try {
      return await ask(authority.getByName(name))
    } catch (cause) {
      if (cause instanceof ConfigError || cause instanceof RangeError) throw cause
      throw new ConfigError(`Cannot ${operation} ${this.#label()}: the authority did not answer`, {
        code: 'unavailable',
        operation,
        cause,
      })
    }
  }

  #label(): string {
    return JSON.stringify(this.#options.name)
  }
}
