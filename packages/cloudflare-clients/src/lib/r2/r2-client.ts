import { checkNumber } from '../shared/check-number.ts'
import type { Timers } from '../shared/timers.ts'
import { attempt } from './attempt.ts'
import { createBindingStore } from './binding-store.ts'
import { checkCondition, checkKey, checkProperties } from './check-object.ts'
import { sha256Hex } from './bytes.ts'
import type { ObjectProperties, ObjectStore, StorePage } from './object-store.ts'
import { toBytes, type ObjectBytes, type ObjectSource } from './object-source.ts'
import { createR2Error, type R2Error } from './r2-error.ts'
import { r2Limits } from './r2-limits.ts'
import type { S3Bucket } from './s3-bucket.ts'
import type {
  ChecksumAlgorithm,
  ObjectCondition,
  ObjectRange,
  StoredObject,
  StoredObjectBody,
  UnmetCondition,
} from './stored-object.ts'
import { uploadObject, type UploadCheckpoint, type UploadOptions } from './upload-object.ts'

export interface R2ClientOptions {
  /** Attempts of each call, from 1. Default 4. */
  readonly maxAttempts?: number
  /** Of one attempt, until its answer begins, in ms from 1. Default 60,000. */
  readonly timeoutMs?: number
  /** Signs addresses where the bucket is a binding, which cannot. */
  readonly presigner?: S3Bucket
  readonly timers?: Timers
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
}

export interface GetObjectOptions {
  readonly range?: ObjectRange
  readonly signal?: AbortSignal
}

export interface PutObjectOptions extends ObjectProperties {
  /** In lower-case hexadecimal. The store refuses a body that is another. Over S3 only `md5`, `sha1` and `sha256`. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly hex: string }
  readonly signal?: AbortSignal
}

export interface ListObjectsOptions {
  readonly prefix?: string
  /** Keys that have it after the prefix are one of `prefixes` of a page, and no objects. */
  readonly delimiter?: string
  /** Only keys after this one. */
  readonly startAfter?: string
  /** Of a page, from 1 to 1,000. Default 1,000. */
  readonly pageSize?: number
  /** Whether objects carry their metadata: only from a binding. Default `false`. */
  readonly withMetadata?: boolean
  readonly signal?: AbortSignal
}

export interface ObjectPage {
  readonly objects: readonly StoredObject[]
  readonly prefixes: readonly string[]
}

export interface PresignOptions {
  /** Default `GET`. */
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** From 1 to 604,800, which is a week. Default 3,600. */
  readonly expiresInSeconds?: number
  /** Whoever uses the address has to send exactly this. */
  readonly contentType?: string
  /** Whoever uses the address has to send exactly so many bytes. */
  readonly contentLength?: number
  /** What the answer to a GET says, instead of what is stored. */
  readonly responseContentDisposition?: string
}

/**
 * One client for R2: over a Worker's binding, or over the S3 API of R2 and of other stores.
 *
 * R2 is strongly consistent: a read that begins after a write has returned sees it. One key takes one write a second. Calls that fail in a way that
 * passes are made again, up to `maxAttempts`; a put with a condition is not, once it may have been carried out, because its second attempt would find what
 * the first one wrote. Nothing that a caller is waiting for goes on when its `signal` is aborted, except that a binding's call that is under way ends by itself.
 *
 * @see https://developers.cloudflare.com/r2/platform/limits/
 *
 * @example
 * ```ts
 * import { R2Client } from '@codex/cloudflare-clients/r2'
 *
 * const media = new R2Client(env.MEDIA)
 * await media.put('notes/1.txt', 'Hello', { httpMetadata: { contentType: 'text/plain' } })
 * const object = await media.get('notes/1.txt')
 * await object?.text() // 'Hello'
 * ```
 */
export class R2Client {
  readonly #store: ObjectStore
  readonly #presigner: ObjectStore
  readonly #maxAttempts: number
  readonly #timeoutMs: number
  readonly #timers: Timers
  readonly #random: () => number

  /**
   * @param bucket A Worker's bucket binding, or what `s3Bucket` made.
   * @throws {TypeError} When it is neither.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(bucket: R2Bucket | S3Bucket, options: R2ClientOptions = {}) {
    const { maxAttempts = 4, timeoutMs = 60_000, timers = globalThis, presigner } = options
    const given: unknown = bucket
    if (typeof given !== 'object' || given === null || !('store' in given || 'put' in given)) {
      throw new TypeError(
        `Cannot create R2Client: bucket must be an R2 binding or an S3 bucket, received ${given === null ? 'null' : typeof given}; is the binding in the Worker's configuration?`,
      )
    }
    this.#maxAttempts = checkNumber('create R2Client: maxAttempts', maxAttempts, { min: 1 })
    this.#timeoutMs = checkNumber('create R2Client: timeoutMs', timeoutMs, { min: 1 })
    this.#timers = timers
    this.#random = options.random ?? Math.random
    this.#store = 'store' in bucket ? bucket.store : createBindingStore(bucket)
    this.#presigner = presigner?.store ?? this.#store
  }

  /**
   * Reads an object. Its body is a stream; read it, or cancel it.
   *
   * @returns `null`: there is none. With `onlyIf`, an object whose `body` is `null`: the condition does not hold.
   * @throws {RangeError | TypeError} When no store would take the key.
   * @throws {R2Error} `invalid_range` when the range begins after the end; others when the store fails.
   */
  get(key: string, options?: GetObjectOptions): Promise<StoredObjectBody | null>
  get(
    key: string,
    options: GetObjectOptions & { readonly onlyIf: ObjectCondition },
  ): Promise<StoredObjectBody | UnmetCondition | null>
  async get(
    key: string,
    options: GetObjectOptions & { readonly onlyIf?: ObjectCondition } = {},
  ): Promise<StoredObjectBody | UnmetCondition | null> {
    checkKey('get object', key)
    const { range, onlyIf, signal } = options
    checkRange(range)
    checkCondition('get object', onlyIf)
    return this.#call(
      'get object',
      (callSignal) => this.#store.get(key, { range, onlyIf, signal: callSignal }),
      signal,
    )
  }

  /** Reads what is known of an object. `null`: there is none. */
  async head(
    key: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<StoredObject | null> {
    checkKey('head object', key)
    return this.#call(
      'head object',
      (callSignal) => this.#store.head(key, { signal: callSignal }),
      signal,
    )
  }

  /**
   * Writes an object whole, from memory. What is larger, or a stream, is for {@link upload}.
   *
   * @returns What was stored. With `onlyIf`, `null`: the condition did not hold, and nothing was written.
   * @throws {TypeError | RangeError} For a body, a key or metadata that no store would take.
   * @throws {R2Error} `checksum_mismatch` when the body is not what `checksum` says; others when the store fails.
   */
  put(key: string, body: ObjectBytes, options?: PutObjectOptions): Promise<StoredObject>
  put(
    key: string,
    body: ObjectBytes,
    options: PutObjectOptions & { readonly onlyIf: ObjectCondition },
  ): Promise<StoredObject | null>
  async put(
    key: string,
    body: ObjectBytes,
    options: PutObjectOptions & { readonly onlyIf?: ObjectCondition } = {},
  ): Promise<StoredObject | null> {
    const operation = 'put object'
    checkKey(operation, key)
    checkProperties(operation, options)
    const { onlyIf, checksum, signal } = options
    checkCondition(operation, onlyIf)
    if (checksum && !/^(?:[0-9a-f]{2})+$/.test(checksum.hex)) {
      throw new TypeError(`Cannot ${operation}: checksum.hex must be lower-case hexadecimal`)
    }
    const bytes = await toBytes(operation, body)
    if (checksum?.algorithm === 'sha256' && checksum.hex !== (await sha256Hex(bytes))) {
      throw createR2Error(operation, 'checksum_mismatch')
    }
    return this.#call(
      operation,
      (callSignal) => this.#store.put(key, bytes, { ...options, signal: callSignal }),
      signal,
      onlyIf && (({ code }) => code === 'rate_limited'),
    )
  }

  /**
   * Writes an object of any size from a stream, in equal parts of which several are under way at once. Each part is sent again when it fails; when that does
   * not help, or the signal is aborted, what was sent is taken away, unless `onCheckpoint` keeps where it was. What was stored is looked at
   * before it returns. Its own buffers take `partBytes` × `concurrency`; what the store's calls copy comes on top.
   *
   * @throws {R2Error} `source_changed` when a resumed source is not what it was, or not of `sizeBytes`; `no_such_upload` when what is to be resumed
   * is over; `corrupt_upload` when what was stored is not of the size that was sent.
   * @throws {RangeError} For a part size out of range, and for more than 10,000 parts.
   */
  async upload(
    key: string,
    source: ObjectSource,
    options: UploadOptions = {},
  ): Promise<StoredObject> {
    const operation = 'upload object'
    checkKey(operation, key)
    checkProperties(operation, options)
    const { concurrency = 4, resumeFrom } = options
    checkNumber(`${operation}: concurrency`, concurrency, { min: 1, max: 50 })
    if (resumeFrom && resumeFrom.key !== key) {
      throw new TypeError(`Cannot ${operation}: resumeFrom must be of the same key`)
    }
    return uploadObject(
      {
        store: this.#store,
        call: (name, work, signal) => this.#call(name, work, signal),
      },
      { key, source },
      options,
    )
  }

  /** Takes away the parts of an upload that nobody will resume. One that is over already is no failure. */
  async abortUpload(checkpoint: Pick<UploadCheckpoint, 'key' | 'uploadId'>): Promise<void> {
    const { key, uploadId } = checkpoint
    await this.#call('abort upload', async (signal) => {
      try {
        await this.#store.abortUpload({ key, uploadId }, { signal })
      } catch (error) {
        if ((error as R2Error).code !== 'no_such_upload') throw error
      }
    })
  }

  /**
   * Deletes objects, 1,000 at a time. One that is not there is no failure.
   *
   * @throws {R2Error} `partly_deleted`, with the `keys` that are still there, where a store says so. Other failures leave it open which were deleted.
   */
  async delete(
    keys: string | Iterable<string>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const operation = 'delete objects'
    const all = [...new Set(typeof keys === 'string' ? [keys] : keys)]
    for (const key of all) checkKey(operation, key)
    const kept: string[] = []
    for (let start = 0; start < all.length; start += r2Limits.maxDeleteKeys) {
      const batch = all.slice(start, start + r2Limits.maxDeleteKeys)
      try {
        await this.#call(
          operation,
          (callSignal) => this.#store.delete(batch, { signal: callSignal }),
          signal,
        )
      } catch (error) {
        const { code, keys: failed } = error as R2Error
        if (code !== 'partly_deleted' || failed === undefined) throw error
        kept.push(...failed)
      }
    }
    if (kept.length > 0) throw createR2Error(operation, 'partly_deleted', { keys: kept })
  }

  /** All objects, page after page as they are asked for, in the order of their keys' UTF-8. */
  async *list(options: Omit<ListObjectsOptions, 'delimiter'> = {}): AsyncGenerator<StoredObject> {
    for await (const page of this.listPages(options)) yield* page.objects
  }

  /** A page at a time, with the prefixes that `delimiter` gives. */
  async *listPages(options: ListObjectsOptions = {}): AsyncGenerator<ObjectPage> {
    const { prefix, delimiter, startAfter, pageSize = 1000, withMetadata, signal } = options
    const limit = checkNumber('list objects: pageSize', pageSize, { min: 1, max: 1000 })
    let page: StorePage | undefined
    do {
      const cursor: string | undefined = page?.cursor
      page = await this.#call(
        'list objects',
        (callSignal) =>
          this.#store.list({
            prefix,
            delimiter,
            startAfter: cursor === undefined ? startAfter : undefined,
            limit,
            cursor,
            withMetadata,
            signal: callSignal,
          }),
        signal,
      )
      yield { objects: page.objects, prefixes: page.prefixes }
    } while (page.cursor !== undefined)
  }

  /**
   * Signs an address that lets whoever holds it make one kind of request for one object, without credentials of their own, until it expires. It is a
   * secret for so long: keep it out of logs.
   *
   * @throws {TypeError} When the bucket is a binding and there is no `presigner`.
   * @throws {RangeError} When `expiresInSeconds` is out of range.
   * @see https://developers.cloudflare.com/r2/api/s3/presigned-urls/
   */
  async presign(key: string, options: PresignOptions = {}): Promise<string> {
    const { method = 'GET', expiresInSeconds = 3600, responseContentDisposition } = options
    const { contentType, contentLength } = options
    checkKey('presign', key)
    checkNumber('presign: expiresInSeconds', expiresInSeconds, {
      min: 1,
      max: r2Limits.maxPresignSeconds,
    })
    const { presign } = this.#presigner
    if (!presign) {
      throw new TypeError(
        'Cannot presign: a binding has no credentials to sign with; give presigner, an S3 bucket of the same objects',
      )
    }
    return presign(key, {
      method,
      expiresInSeconds: Math.floor(expiresInSeconds),
      headers: {
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(contentLength !== undefined && { 'content-length': String(contentLength) }),
      },
      query: {
        ...(responseContentDisposition !== undefined && {
          'response-content-disposition': responseContentDisposition,
        }),
      },
    })
  }

  #call<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
    isRetryable?: (error: R2Error) => boolean,
  ): Promise<T> {
    return attempt(operation, work, {
      maxAttempts: this.#maxAttempts,
      timeoutMs: this.#timeoutMs,
      timers: this.#timers,
      random: this.#random,
      signal,
      ...(isRetryable && { isRetryable }),
    })
  }
}

function checkRange(range: ObjectRange | undefined): void {
  if (range === undefined) return
  for (const [name, value] of Object.entries(range) as [string, unknown][]) {
    const min = name === 'offset' ? 0 : 1
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      throw new RangeError(
        `Cannot get object: range.${name} must be a whole number from ${min}, received ${String(value)}`,
      )
    }
  }
}
