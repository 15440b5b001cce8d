/** What a version of a configuration says of itself, without its text. */
export interface ConfigReleaseInfo {
  /** The version of the document when this was published: of two, the higher one is the newer. From 1. */
  readonly version: number
  /** The version that was current when it was published. 0: there was none. */
  readonly parent: number
  /** SHA-256 of the body's UTF-8 bytes, in hexadecimal. */
  readonly sha256: string
  /** UTF-8 bytes of the body. */
  readonly bytes: number
  readonly syntax: ConfigSyntax
  readonly author: string
  readonly description?: string
  /** Epoch ms. */
  readonly atMs: number
  /** Its body is that of this older version: a rollback. */
  readonly rolledBackTo?: number
  /** It was a candidate, and its rollout was ended before it became the stable release. */
  readonly givenUp?: true
}

export type ConfigSyntax = 'json' | 'yaml'

export interface ConfigRelease extends ConfigReleaseInfo {
  /** Its text. Absent where it is too large for the document, and is in KV under `config-body:{sha256}`. */
  readonly body?: string
}

/** A release that so many of a hundred readers get, while the others keep the stable one. */
export interface ConfigCandidate {
  readonly release: ConfigRelease
  /** From 0 to 100, in steps of 0.01. */
  readonly percentage: number
}

/**
 * A published configuration as KV holds it, under the name it has: one value, so that it is never half there. What is large is beside it,
 * under the hash of what it is, and is there before the document that leads to it.
 */
export interface ConfigDocument {
  /** The mark by which a document is known from a plain file, and the version of its shape. */
  readonly codexConfig: 1
  readonly name: string
  /** Grows by one with each change: a publication, a rollback, a step of a rollout. A reader never goes back to a lower one. */
  readonly version: number
  readonly changedAtMs: number
  readonly stable: ConfigRelease
  readonly candidate?: ConfigCandidate
  /** The releases before, newest first, 50 at most: what a reader of KV alone can roll back to. */
  readonly history: readonly ConfigReleaseInfo[]
  /** A `ConfigObject` decides about it. Whoever writes to KV beside it is overwritten with its next change. */
  readonly managed?: true
}

export const configDocumentLimits = {
  /** UTF-8 bytes of a body. A row of a Durable Object's database holds 2 MB. */
  maxBodyBytes: 1_048_576,
  /** UTF-8 bytes of a body that is within the document. */
  maxInlineBytes: 65_536,
  maxHistory: 50,
} as const
