import type {
  ConfigChangeReply,
  ConfigChangeRequest,
  ConfigDocumentReply,
  ConfigHistoryRequest,
} from '../config-authority-calls.ts'
import {
  type ConfigDocument,
  configDocumentLimits,
  type ConfigRelease,
  type ConfigReleaseInfo,
} from '../config-document.ts'
import { faultOfChange } from './config-change-fault.ts'
import type { ConfigStateRow, ConfigStorage } from './config-storage.ts'

export interface ConfigAuthorityOptions {
  /** Of the configuration, which is its key in KV. */
  readonly name: string
  readonly storage: ConfigStorage
  /** Epoch ms. */
  readonly now: () => number
  /** Whether its documents say that nobody else may write them. */
  readonly isManaged: boolean
}

type ChangeOf<Kind extends ConfigChangeRequest['kind']> = Extract<
  ConfigChangeRequest,
  { readonly kind: Kind }
>

/** What a change makes, besides the receipt. */
interface Outcome {
  readonly state: Omit<ConfigStateRow, 'version' | 'changedAtMs'>
  readonly releases: readonly ConfigReleaseInfo[]
  readonly body?: { readonly sha256: string; readonly text: string }
}

const nothing: ConfigStateRow = { version: 0, changedAtMs: 0, stableVersion: 0 }
const maxHistoryPage = 100

/**
 * Decides about one configuration: synchronously, by a clock that is handed in. It does nothing by itself.
 *
 * Each accepted change makes the version one higher, and is written before it is true: a write that fails changes nothing. A call that is
 * repeated gets its first reply, for the last 1,000 changes, also after a restart. A publication and a rollback are for all readers, and so end
 * a rollout that is under way: its candidate is given up.
 */
export class ConfigAuthority {
  readonly #options: ConfigAuthorityOptions
  #state: ConfigStateRow
  #document: ConfigDocument | undefined

  constructor(options: ConfigAuthorityOptions) {
    this.#options = options
    this.#state = options.storage.loadState() ?? nothing
  }

  get name(): string {
    return this.#options.name
  }

  get version(): number {
    return this.#state.version
  }

  getDocument(knownVersion?: number): ConfigDocumentReply {
    const { version, stableVersion } = this.#state
    if (knownVersion === version || stableVersion === 0) return { version }
    return { version, document: this.#toDocument() }
  }

  getHistory({ beforeVersion, limit = 50 }: ConfigHistoryRequest): readonly ConfigReleaseInfo[] {
    if (!(limit >= 1 && limit <= maxHistoryPage)) {
      throw new RangeError(
        `Cannot get history: limit must be from 1 to ${maxHistoryPage}, received ${limit}`,
      )
    }
    return this.#options.storage.loadReleases({ beforeVersion, limit: Math.floor(limit) })
  }

  getRelease(version: number): ConfigRelease | null {
    const { storage } = this.#options
    const info = storage.loadRelease(version)
    if (info === undefined) return null
    const body = storage.loadBody(info.sha256)
    return body === undefined ? info : { ...info, body }
  }

  /** @param sha256 Of the body, where the change has one. Only the host knows it, because Web Crypto is asynchronous. */
  change(request: ConfigChangeRequest, sha256?: string): ConfigChangeReply {
    const fault = faultOfChange(request)
    if (fault !== undefined) return invalid(fault)
    const { storage } = this.#options
    const { changeId, kind, ifVersion } = request
    const known = storage.findReceipt(changeId)
    if (known !== undefined) {
      return known.kind === kind
        ? { ok: true, version: known.version }
        : invalid('changeId must be new, received one of another change')
    }
    const { version } = this.#state
    if (ifVersion !== undefined && ifVersion !== version) {
      return { ok: false, reason: 'conflict', version }
    }
    const atMs = Math.max(this.#options.now(), this.#state.changedAtMs)
    const outcome = this.#decide(request, { atMs, sha256 })
    if (typeof outcome === 'string') return invalid(outcome)
    const next = version + 1
    const state: ConfigStateRow = { version: next, changedAtMs: atMs, ...outcome.state }
    storage.save({ receipt: { changeId, version: next, kind }, ...outcome, state })
    this.#state = state
    this.#document = undefined
    return { ok: true, version: next }
  }

  /** Goes on from what somebody else made. Bodies that it has are kept. */
  adopt(state: ConfigStateRow, releases: readonly ConfigRelease[]): void {
    const { storage } = this.#options
    storage.adopt(
      state,
      releases.map(({ body: _, ...info }) => info),
    )
    for (const { sha256, body } of releases) if (body !== undefined) storage.saveBody(sha256, body)
    this.#state = state
    this.#document = undefined
  }

  /** @returns The outcome, or what is wrong. */
  #decide(
    request: ConfigChangeRequest,
    made: { readonly atMs: number; readonly sha256: string | undefined },
  ): Outcome | string {
    const { stableVersion, candidate } = this.#state
    switch (request.kind) {
      case 'publish': {
        const { release, body } = this.#toRelease(request, made)
        const releases = [...this.#giveUp(), release]
        return { state: { stableVersion: release.version }, releases, body }
      }
      case 'rollback':
        return this.#rollBack(request, made.atMs)
      case 'rollout': {
        if (stableVersion === 0) return 'there must be a stable release before a rollout'
        if (candidate !== undefined) {
          return `there must be no other rollout, received one while version ${candidate.version} is rolled out`
        }
        const { release, body } = this.#toRelease(request, made)
        const { percentage } = request
        const next = { version: release.version, percentage }
        return { state: { stableVersion, candidate: next }, releases: [release], body }
      }
      case 'ramp':
        if (candidate === undefined) return 'there must be a rollout, and there is none'
        return {
          state: { stableVersion, candidate: { ...candidate, percentage: request.percentage } },
          releases: [],
        }
      case 'promote':
        if (candidate === undefined) return 'there must be a rollout, and there is none'
        return { state: { stableVersion: candidate.version }, releases: [] }
      case 'abort':
        if (candidate === undefined) return 'there must be a rollout, and there is none'
        return { state: { stableVersion }, releases: this.#giveUp() }
    }
  }

  #rollBack(request: ChangeOf<'rollback'>, atMs: number): Outcome | string {
    const { toVersion } = request
    const { storage } = this.#options
    const target = storage.loadRelease(toVersion)
    if (target === undefined)
      return `toVersion must be a release that is kept, received ${toVersion}`
    const { sha256, bytes, syntax } = target
    if (storage.loadBody(sha256) === undefined) {
      return `toVersion must be a release whose body is kept, received ${toVersion}`
    }
    const common = this.#toInfo(request, atMs)
    const release = { ...common, sha256, bytes, syntax, rolledBackTo: toVersion }
    return {
      state: { stableVersion: release.version },
      releases: [...this.#giveUp(), release],
    }
  }

  #toRelease(
    request: ChangeOf<'publish'> | ChangeOf<'rollout'>,
    { atMs, sha256 }: { readonly atMs: number; readonly sha256: string | undefined },
  ): { release: ConfigReleaseInfo; body: { sha256: string; text: string } } {
    const { body, syntax } = request
    if (sha256 === undefined) {
      throw new TypeError('Cannot change configuration: the hash of the body must be handed in')
    }
    const bytes = new TextEncoder().encode(body).length
    const release = { ...this.#toInfo(request, atMs), sha256, bytes, syntax }
    return { release, body: { sha256, text: body } }
  }

  #toInfo(
    { author, description }: ConfigChangeRequest,
    atMs: number,
  ): Pick<ConfigReleaseInfo, 'version' | 'parent' | 'author' | 'description' | 'atMs'> {
    const parent = this.#state.version
    const told = description === undefined || description === '' ? {} : { description }
    return { version: parent + 1, parent, author, ...told, atMs }
  }

  /** The candidate as it then is. */
  #giveUp(): ConfigReleaseInfo[] {
    const { candidate } = this.#state
    const release = candidate && this.#options.storage.loadRelease(candidate.version)
    return release === undefined ? [] : [{ ...release, givenUp: true }]
  }

  #toDocument(): ConfigDocument {
    if (this.#document !== undefined) return this.#document
    const { name, storage, isManaged } = this.#options
    const { version, changedAtMs, stableVersion, candidate } = this.#state
    const releases = storage.loadReleases({
      beforeVersion: undefined,
      limit: configDocumentLimits.maxHistory + 2,
    })
    const history = releases
      .filter((release) => release.version !== stableVersion)
      .filter((release) => release.version !== candidate?.version)
      .slice(0, configDocumentLimits.maxHistory)
    this.#document = {
      codexConfig: 1,
      name,
      version,
      changedAtMs,
      stable: this.#loadRelease(stableVersion),
      ...(candidate && {
        candidate: {
          release: this.#loadRelease(candidate.version),
          percentage: candidate.percentage,
        },
      }),
      history,
      ...(isManaged && { managed: true }),
    }
    return this.#document
  }

  #loadRelease(version: number): ConfigRelease {
    const release = this.getRelease(version)
    if (release === null) throw new Error(`Cannot find release ${version} of ${this.name}`)
    return release
  }
}

function invalid(message: string): ConfigChangeReply {
  return { ok: false, reason: 'invalid', message }
}
