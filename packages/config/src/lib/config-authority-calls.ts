import type {
  ConfigDocument,
  ConfigRelease,
  ConfigReleaseInfo,
  ConfigSyntax,
} from './config-document.ts'

interface ConfigChangeBase {
  /** Random, the same when a call is repeated: the runtime repeats calls whose reply was lost. */
  readonly changeId: string
  /** The version of the document that the caller saw: 0 where there must be none. Absent: whatever is there is built upon. */
  readonly ifVersion?: number
  /** Who, for the history. 1 to 200 characters. */
  readonly author: string
  /** Why. At most 1,000 characters. */
  readonly description?: string
}

/** One change of one configuration. Each makes the version of its document one higher. */
export type ConfigChangeRequest = ConfigChangeBase &
  (
    | { readonly kind: 'publish'; readonly body: string; readonly syntax: ConfigSyntax }
    /** A new release whose body is that of an older one. */
    | { readonly kind: 'rollback'; readonly toVersion: number }
    /** Begins a rollout: a release for so many of a hundred readers. Refused while another one goes on. */
    | {
        readonly kind: 'rollout'
        readonly body: string
        readonly syntax: ConfigSyntax
        readonly percentage: number
      }
    /** The candidate for more readers, or fewer. */
    | { readonly kind: 'ramp'; readonly percentage: number }
    /** The candidate becomes the stable release. */
    | { readonly kind: 'promote' }
    /** The candidate is given up. */
    | { readonly kind: 'abort' }
  )

export type ConfigChangeReply =
  | { readonly ok: true; readonly version: number }
  /** `version`: the one that is there. */
  | { readonly ok: false; readonly reason: 'conflict'; readonly version: number }
  | { readonly ok: false; readonly reason: 'invalid'; readonly message: string }

export interface ConfigDocumentReply {
  /** 0: nothing was ever published. */
  readonly version: number
  /** Absent: the caller knows it, or there is none. */
  readonly document?: ConfigDocument
}

export interface ConfigHistoryRequest {
  /** Only older ones. */
  readonly beforeVersion?: number
  /** From 1 to 100. Default 50. */
  readonly limit?: number
}

/** What a `ConfigObject` answers, as one object for each configuration, over RPC. */
export interface ConfigAuthorityCalls {
  /** @param knownVersion The reply then carries the document only where it is another one. Bodies of any size are within it. */
  getDocument(knownVersion?: number): ConfigDocumentReply | Promise<ConfigDocumentReply>
  change(request: ConfigChangeRequest): ConfigChangeReply | Promise<ConfigChangeReply>
  /** Newest first, with the candidates that were given up. */
  getHistory(
    request: ConfigHistoryRequest,
  ): readonly ConfigReleaseInfo[] | Promise<readonly ConfigReleaseInfo[]>
  /** With its body. `null`: there is none of that version, or it is forgotten. */
  getRelease(version: number): ConfigRelease | null | Promise<ConfigRelease | null>
}

/** A Durable Object binding of `ConfigObject`, or what has its shape. The name is that of the configuration, which is its key in KV. */
export interface ConfigAuthorityNamespace {
  getByName(name: string): ConfigAuthorityCalls
}
