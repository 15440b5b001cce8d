import type { R2Client } from '@codex/cloudflare-clients/r2'
import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../config-source.ts'
import { encodeKey } from './kv-source.ts'
import { createSourceError, notFound, toSourceError, tooLarge } from './source-error.ts'
import { decodeSourceText, maxTextBytes, readLimited, toSyntax } from './source-text.ts'
import { untilAborted } from './until-aborted.ts'

export interface S3SourceOptions {
  /** A bucket of R2, or of any store behind the S3 API. */
  readonly bucket: R2Client
  readonly key: string
  /** What the source is called in messages and in `explain`. Default `s3:` and the key. */
  readonly uri?: string
}

/**
 * A configuration in an object of R2 or S3, of 1 MiB at most, in UTF-8.
 *
 * The text is kept with its ETag, so that an object that has not changed is not sent again. The client's own tries and timeouts apply, within the
 * signal of the load.
 *
 * @throws {TypeError} When the key is empty.
 *
 * @example
 * ```ts
 * import { R2Client } from '@codex/cloudflare-clients/r2'
 * import { s3Source } from '@codex/config'
 *
 * const source = s3Source({ bucket: new R2Client(env.SETTINGS), key: 'production/web.yaml' })
 * ```
 */
export function s3Source(options: S3SourceOptions): ConfigSource {
  return new S3Source(options)
}

class S3Source implements ConfigSource {
  readonly uri: string
  readonly #bucket: R2Client
  readonly #key: string
  #kept: { readonly etag: string; readonly document: SourceDocument } | undefined

  constructor({ bucket, key, uri }: S3SourceOptions) {
    if (key === '' || key.split('/').some((segment) => segment === '.' || segment === '..')) {
      throw new TypeError(
        'Cannot create S3 source: key must not be empty and not have "." or ".." between slashes, received such a one',
      )
    }
    this.#bucket = bucket
    this.#key = key
    this.uri = uri ?? `s3:${encodeKey(key)}`
  }

  async load({ signal }: SourceLoadOptions): Promise<readonly SourceDocument[]> {
    try {
      signal.throwIfAborted()
      return [await untilAborted(this.#load(signal), signal)]
    } catch (error) {
      throw toSourceError(this.uri, error, signal)
    }
  }

  async #load(signal: AbortSignal): Promise<SourceDocument> {
    const { uri } = this
    const kept = this.#kept
    const onlyIf = kept === undefined ? {} : { etagDoesNotMatch: kept.etag }
    const object = await this.#bucket.get(this.#key, { onlyIf, signal })
    if (object === null) throw notFound(uri)
    if (object.body === null) {
      if (kept !== undefined) return kept.document
      throw createSourceError(uri, 'unavailable', { reason: 'the store sent no object' })
    }
    if (object.sizeBytes > maxTextBytes) {
      object.body.cancel().catch(() => undefined)
      throw tooLarge(uri, maxTextBytes)
    }
    const bytes = await readLimited(uri, object.body, maxTextBytes)
    const text = decodeSourceText(uri, bytes)
    const document = { uri, text, ...toSyntax(this.#key) }
    this.#kept = { etag: object.etag, document }
    return document
  }
}
