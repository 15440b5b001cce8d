/** What is kept beside an object and goes out as HTTP headers with it. */
export interface ObjectHttpMetadata {
  readonly contentType?: string
  readonly contentLanguage?: string
  readonly contentDisposition?: string
  readonly contentEncoding?: string
  readonly cacheControl?: string
  readonly expiresAtMs?: number
}

export type ChecksumAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** An object without its body. */
export interface StoredObject {
  readonly key: string
  readonly sizeBytes: number
  /** Without quotes. Of a multipart upload it ends in a dash and the number of parts. */
  readonly etag: string
  readonly uploadedAtMs: number
  readonly httpMetadata: ObjectHttpMetadata
  /** The caller's own: names in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  /** What the store has recorded, as lower-case hexadecimal. A multipart upload has none. */
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>
  readonly storageClass?: string
  /** Of this upload: only from a binding. */
  readonly version?: string
}

/** An object with its body, which can be read once. */
export interface StoredObjectBody extends StoredObject {
  readonly body: ReadableStream<Uint8Array>
  /** Which bytes of the object the body is. Absent: all. */
  readonly range?: { readonly offset: number; readonly length: number }
  text(): Promise<string>
  json(): Promise<unknown>
  bytes(): Promise<Uint8Array<ArrayBuffer>>
}

/** The object is there, and the condition of the call did not hold. */
export interface UnmetCondition {
  readonly body: null
}

export type ObjectRange =
  { readonly offset: number; readonly length?: number } | { readonly suffix: number }

/** All that are given have to hold. */
export interface ObjectCondition {
  /** An etag without quotes, or `*` for any object. */
  readonly etagMatches?: string
  /** An etag without quotes, or `*`: only where there is no object. */
  readonly etagDoesNotMatch?: string
  /** In whole seconds, as HTTP has them. */
  readonly uploadedBeforeMs?: number
  readonly uploadedAfterMs?: number
}
