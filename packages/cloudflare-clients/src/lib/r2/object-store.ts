import type {
  ChecksumAlgorithm,
  ObjectCondition,
  ObjectHttpMetadata,
  ObjectRange,
  StoredObject,
  StoredObjectBody,
  UnmetCondition,
} from './stored-object.ts'

export interface ObjectProperties {
  readonly httpMetadata?: ObjectHttpMetadata
  /** Names of lower-case letters, digits, `-` and `_`; 8,192 bytes in all. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly storageClass?: string
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

interface StoreGetOptions extends CallOptions {
  readonly range?: ObjectRange | undefined
  readonly onlyIf?: ObjectCondition | undefined
}

export interface StorePutOptions extends ObjectProperties, CallOptions {
  readonly onlyIf?: ObjectCondition | undefined
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly hex: string } | undefined
}

interface StoreListOptions extends CallOptions {
  readonly prefix?: string | undefined
  readonly delimiter?: string | undefined
  readonly startAfter?: string | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly withMetadata?: boolean | undefined
}

export interface StorePage {
  readonly objects: readonly StoredObject[]
  readonly prefixes: readonly string[]
  readonly cursor?: string
}

export interface UploadedPart {
  readonly partNumber: number
  readonly etag: string
}

interface UploadTarget {
  readonly key: string
  readonly uploadId: string
}

interface PresignRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly expiresInSeconds: number
  /** Has to be sent with the request, as it is. */
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
}

/** What a client asks of a binding, or of the S3 API. Each call is one request and is not repeated here. */
export interface ObjectStore {
  get(key: string, options: StoreGetOptions): Promise<StoredObjectBody | UnmetCondition | null>
  head(key: string, options: CallOptions): Promise<StoredObject | null>
  /** `null`: the condition did not hold. */
  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: StorePutOptions,
  ): Promise<StoredObject | null>
  delete(keys: readonly string[], options: CallOptions): Promise<void>
  list(options: StoreListOptions): Promise<StorePage>
  createUpload(key: string, options: ObjectProperties & CallOptions): Promise<string>
  uploadPart(
    target: UploadTarget & { readonly partNumber: number },
    body: Uint8Array<ArrayBuffer>,
    /** `sha256`: of the body, in hexadecimal, where it is known. */
    options: CallOptions & { readonly sha256?: string | undefined },
  ): Promise<UploadedPart>
  completeUpload(
    target: UploadTarget,
    parts: readonly UploadedPart[],
    options: CallOptions,
  ): Promise<{ readonly etag: string }>
  abortUpload(target: UploadTarget, options: CallOptions): Promise<void>
  presign?(key: string, request: PresignRequest): Promise<string>
}
