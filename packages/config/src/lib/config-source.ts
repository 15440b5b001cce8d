import type { ConfigSyntax } from './config-document.ts'
import type { ConfigOrigin, ConfigTree } from './config-tree.ts'

/** One text of a source, before it is parsed; or what has no text, such as variables of the environment. */
export type SourceDocument =
  | {
      readonly uri: string
      readonly text: string
      /** Default: by the name in `uri`, and else YAML, of which JSON is a part. */
      readonly syntax?: ConfigSyntax
      /** Of the published document it came from. */
      readonly version?: number
    }
  | {
      readonly uri: string
      readonly tree: ConfigTree
      readonly originOf: (path: readonly (string | number)[]) => ConfigOrigin
      /** Whether its texts are from where there are no types: each means itself, and is converted to what a schema wants. Default `false`. */
      readonly isUntyped?: boolean
    }

export interface SourceLoadOptions {
  readonly signal: AbortSignal
}

/** A place that a layer of a configuration comes from. */
export interface ConfigSource {
  /** Without credentials: it is in messages and in `explain`. */
  readonly uri: string
  /**
   * Reads all there is now, in the order in which it is merged. Rejects with a `ConfigError` whose code is `not_found`, `unavailable`,
   * `corrupt`, `forbidden`, `timed_out` or `too_large`. Of a published document it hands out the release that this reader gets, its hash checked.
   */
  load(options: SourceLoadOptions): Promise<readonly SourceDocument[]>
  /** Tells of changes, where the source can: a file. Absent: the client asks again when its time is over. */
  watch?(onChange: () => void): () => void
}

/** Makes a source of a URI, or `undefined` where it does not know the scheme. Throws a `TypeError` for a malformed one. */
export type SourceResolver = (uri: string) => ConfigSource | undefined
