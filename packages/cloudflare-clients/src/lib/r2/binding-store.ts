import { toConditionHeaders } from './condition-headers.ts'
import { toHex } from './bytes.ts'
import type { ObjectProperties, ObjectStore } from './object-store.ts'
import { createR2Error, type R2ErrorCode } from './r2-error.ts'
import type {
  ChecksumAlgorithm,
  ObjectHttpMetadata,
  StoredObject,
  StoredObjectBody,
} from './stored-object.ts'

/** @see https://developers.cloudflare.com/r2/api/error-codes/ */
const codesByNumber: Readonly<Record<string, R2ErrorCode>> = {
  '10001': 'unavailable',
  '10002': 'unauthorized',
  '10003': 'forbidden',
  '10006': 'no_such_bucket',
  '10012': 'too_large',
  '10024': 'no_such_upload',
  '10037': 'checksum_mismatch',
  '10039': 'invalid_range',
  '10042': 'forbidden',
  '10043': 'unavailable',
  '10054': 'unavailable',
  '10058': 'rate_limited',
  '10069': 'forbidden',
  '100100': 'too_large',
}

/** A binding's errors carry their number only at the end of their text, as `put: … (10012)`. */
async function call<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const [, storeCode] = /\((\d{5,6})\)\s*$/.exec((cause as Error | null)?.message ?? '') ?? []
    if (storeCode === undefined && cause instanceof TypeError) throw cause
    const code = storeCode === undefined ? 'unavailable' : codesByNumber[storeCode]
    throw createR2Error(operation, code ?? 'invalid_request', { cause, storeCode })
  }
}

const checksumNames: readonly ChecksumAlgorithm[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512']

function toHttpMetadata(stored: R2HTTPMetadata = {}): ObjectHttpMetadata {
  const { cacheExpiry, ...texts } = stored
  return cacheExpiry === undefined ? texts : { ...texts, expiresAtMs: cacheExpiry.getTime() }
}

function toStoredObject(object: R2Object): StoredObject {
  const checksums = Object.fromEntries(
    checksumNames.flatMap((name) => {
      const bytes = object.checksums[name]
      return bytes === undefined ? [] : [[name, toHex(bytes)]]
    }),
  )
  return {
    key: object.key,
    sizeBytes: object.size,
    etag: object.etag,
    uploadedAtMs: object.uploaded.getTime(),
    httpMetadata: toHttpMetadata(object.httpMetadata),
    metadata: object.customMetadata ?? {},
    checksums,
    storageClass: object.storageClass,
    version: object.version,
  }
}

/** The binding says what was asked for, in fields of which some are there and undefined. */
function toRange(
  asked: { offset?: number; length?: number; suffix?: number } | undefined,
  sizeBytes: number,
): StoredObjectBody['range'] {
  if (asked === undefined) return undefined
  const { suffix } = asked
  const offset = suffix === undefined ? (asked.offset ?? 0) : Math.max(0, sizeBytes - suffix)
  const length = Math.min(asked.length ?? Infinity, sizeBytes - offset)
  return length === sizeBytes ? undefined : { offset, length }
}

function toBody(object: R2ObjectBody): StoredObjectBody {
  const range = toRange(object.range, object.size)
  return {
    ...toStoredObject(object),
    body: object.body as ReadableStream<Uint8Array>,
    ...(range && { range }),
    text: () => call('read object', () => object.text()),
    json: () => call('read object', () => object.json()),
    bytes: () => call('read object', async () => new Uint8Array(await object.arrayBuffer())),
  }
}

function toPutOptions({ httpMetadata, metadata, storageClass }: ObjectProperties): R2PutOptions {
  const { expiresAtMs, ...texts } = httpMetadata ?? {}
  return {
    httpMetadata: {
      ...texts,
      ...(expiresAtMs !== undefined && { cacheExpiry: new Date(expiresAtMs) }),
    },
    ...(metadata && { customMetadata: { ...metadata } }),
    ...(storageClass !== undefined && { storageClass }),
  }
}

/** A Worker's bucket binding. It knows no `AbortSignal`: that is looked at between calls. */
export function createBindingStore(bucket: R2Bucket): ObjectStore {
  return {
    get: (key, { range, onlyIf }) =>
      call('get object', async () => {
        const object = await bucket.get(key, {
          ...(range && { range }),
          onlyIf: new Headers(toConditionHeaders(onlyIf)),
        })
        if (object === null) return null
        return 'body' in object ? toBody(object) : { body: null }
      }),

    head: (key) =>
      call('head object', async () => {
        const object = await bucket.head(key)
        return object && toStoredObject(object)
      }),

    put: (key, body, { onlyIf, checksum, ...properties }) =>
      call('put object', async () => {
        const object = await bucket.put(key, body, {
          ...toPutOptions(properties),
          onlyIf: new Headers(toConditionHeaders(onlyIf)),
          ...(checksum && { [checksum.algorithm]: checksum.hex }),
        })
        return object && toStoredObject(object)
      }),

    delete: (keys) => call('delete objects', () => bucket.delete([...keys])),

    list: ({ prefix, delimiter, startAfter, limit, cursor, withMetadata }) =>
      call('list objects', async () => {
        const page = await bucket.list({
          ...(prefix !== undefined && { prefix }),
          ...(delimiter !== undefined && { delimiter }),
          ...(startAfter !== undefined && { startAfter }),
          ...(limit !== undefined && { limit }),
          ...(cursor !== undefined && { cursor }),
          ...(withMetadata === true && { include: ['httpMetadata', 'customMetadata'] }),
        })
        return {
          objects: page.objects.map(toStoredObject),
          prefixes: page.delimitedPrefixes,
          ...(page.truncated && { cursor: page.cursor }),
        }
      }),

    createUpload: (key, properties) =>
      call('begin upload', async () => {
        const upload = await bucket.createMultipartUpload(key, toPutOptions(properties))
        return upload.uploadId
      }),

    uploadPart: ({ key, uploadId, partNumber }, body) =>
      call('upload part', () =>
        bucket.resumeMultipartUpload(key, uploadId).uploadPart(partNumber, body),
      ),

    completeUpload: ({ key, uploadId }, parts) =>
      call('complete upload', () =>
        bucket.resumeMultipartUpload(key, uploadId).complete([...parts]),
      ),

    abortUpload: ({ key, uploadId }) =>
      call('abort upload', () => bucket.resumeMultipartUpload(key, uploadId).abort()),
  }
}
