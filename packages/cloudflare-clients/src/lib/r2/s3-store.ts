import { toConditionHeaders } from './condition-headers.ts'
import { toUtf8 } from './bytes.ts'
import type { ObjectStore, StorePutOptions } from './object-store.ts'
import { createR2Error } from './r2-error.ts'
import { toS3Error } from './s3-answer.ts'
import type { S3Bucket, S3BucketOptions } from './s3-bucket.ts'
import { fromHeaders, readContentRange, toEtag, toPropertyHeaders } from './s3-object.ts'
import { createS3Requests, type S3Request } from './s3-request.ts'
import { buildXml, nodesOf, parseXml, textOf } from './s3-xml.ts'
import type { ObjectRange, StoredObject } from './stored-object.ts'

/** XML has no control characters, and readers of it take the space around a text away. */
// eslint-disable-next-line no-control-regex
const isLostInXml = /^\s|\s$|[\u0000-\u001F\uFFFE\uFFFF]/

function toRangeHeader(range: ObjectRange): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`
  const { offset, length } = range
  return `bytes=${offset}-${length === undefined ? '' : offset + length - 1}`
}

function toChecksumHeaders({ checksum }: StorePutOptions): [string, string][] {
  if (checksum === undefined) return []
  const { algorithm, hex } = checksum
  const bytes = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))
  const base64 = btoa(String.fromCharCode(...bytes))
  if (algorithm === 'md5') return [['content-md5', base64]]
  if (algorithm === 'sha1' || algorithm === 'sha256') {
    return [[`x-amz-checksum-${algorithm}`, base64]]
  }
  throw createR2Error('put object', 'unsupported', { storeCode: algorithm })
}

/**
 * A bucket of R2, or of any other store, behind the S3 API, for programs outside of Workers and for presigned addresses.
 *
 * @throws {TypeError} When an option is missing, or `requesterPays` is asked of R2, which does not implement it.
 * @see https://developers.cloudflare.com/r2/api/s3/api/
 *
 * @example
 * ```ts
 * import { R2Client, s3Bucket } from '@codex/cloudflare-clients/r2'
 *
 * const media = new R2Client(
 *   s3Bucket({
 *     endpoint: `https://${process.env.CLOUDFLARE_ACCOUNT_ID}.r2.cloudflarestorage.com`,
 *     bucket: 'media',
 *     accessKeyId: process.env.R2_ACCESS_KEY_ID ?? '',
 *     secretAccessKey: process.env.R2_SECRET_ACCESS_KEY ?? '',
 *   }),
 * )
 * ```
 */
export function s3Bucket(options: S3BucketOptions): S3Bucket {
  for (const name of ['endpoint', 'bucket', 'accessKeyId', 'secretAccessKey'] as const) {
    if (typeof options[name] !== 'string' || options[name] === '') {
      throw new TypeError(`Cannot create S3 bucket: ${name} must be a text that is not empty`)
    }
  }
  if (!URL.canParse(options.endpoint)) {
    throw new TypeError('Cannot create S3 bucket: endpoint must be an address such as https://host')
  }
  const isR2 = new URL(options.endpoint).hostname.endsWith('.r2.cloudflarestorage.com')
  if (options.requesterPays === true && isR2) {
    throw createR2Error('create S3 bucket with requesterPays', 'unsupported', { storeCode: 'R2' })
  }
  return { store: createS3Store(options) }
}

function createS3Store(options: S3BucketOptions): ObjectStore {
  const requests = createS3Requests(options)
  const { now } = requests

  /** @param expected Statuses that are no success and no failure either. */
  const send = async (request: S3Request, expected: readonly number[] = []): Promise<Response> => {
    const answer = await requests.send(request)
    if (answer.ok || expected.includes(answer.status)) return answer
    throw await toS3Error(request.operation, answer, now())
  }

  /** Of an object that is not there, unless it is the bucket that is not. */
  const isMissing = async (operation: string, answer: Response): Promise<boolean> => {
    if (answer.status !== 404) return false
    const error = await toS3Error(operation, answer, now())
    if (error.storeCode === 'NoSuchKey' || error.storeCode === '404') return true
    throw error
  }

  return {
    async get(key, { range, onlyIf, signal }) {
      const operation = 'get object'
      const headers = toConditionHeaders(onlyIf)
      if (range) headers.push(['range', toRangeHeader(range)])
      const answer = await send({ operation, method: 'GET', key, headers, signal }, [304, 404, 412])
      if (await isMissing(operation, answer)) return null
      if (!answer.ok) {
        await answer.body?.cancel()
        return { body: null }
      }
      const part = readContentRange(answer.headers)
      return {
        ...fromHeaders(key, answer.headers),
        body: answer.body ?? new Blob([]).stream(),
        ...(part && { range: { offset: part.offset, length: part.length } }),
        text: () => answer.text(),
        json: () => answer.json(),
        bytes: async () => new Uint8Array(await answer.arrayBuffer()),
      }
    },

    async head(key, { signal }) {
      const operation = 'head object'
      const answer = await send({ operation, method: 'HEAD', key, signal }, [404])
      // A HEAD has no body that would say what is missing.
      return answer.status === 404 ? null : fromHeaders(key, answer.headers)
    },

    async put(key, body, putOptions) {
      const headers = [
        ...toPropertyHeaders(putOptions),
        ...toConditionHeaders(putOptions.onlyIf),
        ...toChecksumHeaders(putOptions),
      ]
      const { signal, httpMetadata = {}, metadata = {}, checksum, storageClass } = putOptions
      const answer = await send(
        { operation: 'put object', method: 'PUT', key, headers, body, signal },
        [412],
      )
      await answer.body?.cancel()
      if (!answer.ok) return null
      return {
        key,
        sizeBytes: body.length,
        etag: toEtag(answer.headers.get('etag')),
        uploadedAtMs: now(),
        httpMetadata,
        metadata,
        checksums: checksum ? { [checksum.algorithm]: checksum.hex } : {},
        ...(storageClass !== undefined && { storageClass }),
      }
    },

    async delete(keys, { signal }) {
      const operation = 'delete objects'
      const deleteOne = async (key: string): Promise<void> => {
        const answer = await send({ operation, method: 'DELETE', key, signal }, [404])
        // A DELETE of what is not there succeeds, so that it is the bucket that is not.
        if (answer.status === 404) throw await toS3Error(operation, answer, now())
        await answer.body?.cancel()
      }
      const listed = keys.length === 1 ? [] : keys.filter((key) => !isLostInXml.test(key))
      const single = keys.length === 1 ? keys : keys.filter((key) => isLostInXml.test(key))
      for (const key of single) await deleteOne(key)
      if (listed.length === 0) return
      const xml = buildXml(
        'Delete',
        'Object',
        listed.map((key) => ({ Key: key })),
      )
      const body = toUtf8(xml)
      const digest = await crypto.subtle.digest('SHA-256', body)
      const answer = await send({
        operation,
        method: 'POST',
        query: { delete: '' },
        headers: [
          ['content-type', 'application/xml'],
          ['x-amz-checksum-sha256', btoa(String.fromCharCode(...new Uint8Array(digest)))],
        ],
        body,
        signal,
      })
      const result = parseXml(await answer.text(), 'DeleteResult')
      const failed = nodesOf(result, 'Error').flatMap((error) => textOf(error, 'Key') ?? [])
      if (failed.length > 0) throw createR2Error(operation, 'partly_deleted', { keys: failed })
    },

    async list({ prefix, delimiter, startAfter, limit, cursor, withMetadata, signal }) {
      if (withMetadata === true) {
        throw createR2Error('list objects with metadata over S3', 'unsupported')
      }
      const query = {
        'list-type': '2',
        // Keys can hold what XML cannot.
        'encoding-type': 'url',
        ...(prefix !== undefined && { prefix }),
        ...(delimiter !== undefined && { delimiter }),
        ...(startAfter !== undefined && { 'start-after': startAfter }),
        ...(limit !== undefined && { 'max-keys': String(limit) }),
        ...(cursor !== undefined && { 'continuation-token': cursor }),
      }
      const answer = await send({ operation: 'list objects', method: 'GET', query, signal })
      const result = parseXml(await answer.text(), 'ListBucketResult')
      const decode = (text = ''): string => decodeURIComponent(text.replaceAll('+', ' '))
      const next = textOf(result, 'NextContinuationToken')
      return {
        objects: nodesOf(result, 'Contents').map((content): StoredObject => {
          const storageClass = textOf(content, 'StorageClass')
          return {
            key: decode(textOf(content, 'Key')),
            sizeBytes: Number(textOf(content, 'Size')),
            etag: toEtag(textOf(content, 'ETag')?.replaceAll('&quot;', '"')),
            uploadedAtMs: Date.parse(textOf(content, 'LastModified') ?? ''),
            httpMetadata: {},
            metadata: {},
            checksums: {},
            ...(storageClass !== undefined && { storageClass }),
          }
        }),
        prefixes: nodesOf(result, 'CommonPrefixes').map((node) => decode(textOf(node, 'Prefix'))),
        ...(next !== undefined && next !== '' && { cursor: next }),
      }
    },

    async createUpload(key, uploadOptions) {
      const answer = await send({
        operation: 'begin upload',
        method: 'POST',
        key,
        query: { uploads: '' },
        headers: toPropertyHeaders(uploadOptions),
        signal: uploadOptions.signal,
      })
      const result = parseXml(await answer.text(), 'InitiateMultipartUploadResult')
      const uploadId = textOf(result, 'UploadId')
      if (uploadId !== undefined) return uploadId
      throw createR2Error('begin upload', 'unavailable', { storeCode: 'no UploadId' })
    },

    async uploadPart({ key, uploadId, partNumber }, body, { signal, sha256 }) {
      const answer = await send({
        operation: 'upload part',
        method: 'PUT',
        key,
        query: { partNumber: String(partNumber), uploadId },
        body,
        sha256,
        signal,
      })
      await answer.body?.cancel()
      return { partNumber, etag: toEtag(answer.headers.get('etag')) }
    },

    async completeUpload({ key, uploadId }, parts, { signal }) {
      const operation = 'complete upload'
      const xml = buildXml(
        'CompleteMultipartUpload',
        'Part',
        parts.map(({ partNumber, etag }) => ({
          PartNumber: String(partNumber),
          ETag: `"${etag}"`,
        })),
      )
      const answer = await send({
        operation,
        method: 'POST',
        key,
        query: { uploadId },
        headers: [['content-type', 'application/xml']],
        body: toUtf8(xml),
        signal,
      })
      // S3 answers 200 before it has finished, and then says in the body that it failed.
      const text = await answer.text()
      const storeCode = textOf(parseXml(text, 'Error'), 'Code')
      if (storeCode !== undefined) throw createR2Error(operation, 'unavailable', { storeCode })
      return { etag: toEtag(textOf(parseXml(text, 'CompleteMultipartUploadResult'), 'ETag')) }
    },

    async abortUpload({ key, uploadId }, { signal }) {
      const answer = await send({
        operation: 'abort upload',
        method: 'DELETE',
        key,
        query: { uploadId },
        signal,
      })
      await answer.body?.cancel()
    },

    presign: (key, { method, expiresInSeconds, headers = {}, query = {} }) =>
      requests.presign({ method, key, expiresInSeconds, query, headers: Object.entries(headers) }),
  }
}
