import type { BodyPart } from './equal-parts.ts'
import { equalParts } from './equal-parts.ts'
import { sha256Hex } from './bytes.ts'
import type { ObjectProperties, ObjectStore, UploadedPart } from './object-store.ts'
import { toChunks, type ObjectSource } from './object-source.ts'
import { createR2Error, R2Error } from './r2-error.ts'
import { r2Limits } from './r2-limits.ts'
import type { StoredObject } from './stored-object.ts'

/** How far an upload has come: plain JSON, to be kept until it is done. */
export interface UploadCheckpoint {
  readonly key: string
  readonly uploadId: string
  readonly partBytes: number
  /** The parts that are there, each with the SHA-256 of what it was. */
  readonly parts: readonly (UploadedPart & { readonly sha256: string })[]
}

export interface UploadProgress {
  readonly uploadedBytes: number
  readonly uploadedParts: number
  /** As it was given. */
  readonly sizeBytes?: number
}

export interface UploadOptions extends ObjectProperties {
  /** Of the whole, where it is known: larger parts are then taken for more than 10,000 of them, and another size is an error. */
  readonly sizeBytes?: number
  /** From 5 MiB to 5 GiB. Default 8 MiB, or what 10,000 parts of `sizeBytes` need. So much is in memory for each part under way. */
  readonly partBytes?: number
  /** Parts under way at once, from 1 to 50. Default 4. */
  readonly concurrency?: number
  /** Told after each part. */
  readonly onProgress?: (progress: UploadProgress) => void
  /** Takes up an upload that was broken off: the source is read from its start, and parts that are there are compared and not sent again. */
  readonly resumeFrom?: UploadCheckpoint
  /** Told after each part, one call at a time: keep it where it survives. The parts then stay when the upload fails, for R2's seven days. */
  readonly onCheckpoint?: (checkpoint: UploadCheckpoint) => void | Promise<void>
  readonly signal?: AbortSignal
}

export interface UploadSteps {
  readonly store: ObjectStore
  /** Makes a call to the store, more than once if need be. */
  call<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>
}

const defaultPartBytes = 8 * 1024 * 1024
const mebibyte = 1024 * 1024

function choosePartBytes({ partBytes, sizeBytes = 0, resumeFrom }: UploadOptions): number {
  const needed = Math.ceil(sizeBytes / r2Limits.maxParts / mebibyte) * mebibyte
  const chosen = resumeFrom?.partBytes ?? partBytes ?? Math.max(defaultPartBytes, needed)
  const { minPartBytes, maxPartBytes } = r2Limits
  if (!Number.isInteger(chosen) || chosen < minPartBytes || chosen > maxPartBytes) {
    throw new RangeError(
      `Cannot upload object: partBytes must be a whole number from ${minPartBytes} to ${maxPartBytes}, received ${chosen}`,
    )
  }
  return chosen
}

/**
 * Sends a body in equal parts, several at once, and puts them together. A body of one part is put as it is.
 *
 * @throws {R2Error} When a part could not be sent. What was sent is then taken away, unless `onCheckpoint` is there to go on from it.
 */
export async function uploadObject(
  { store, call }: UploadSteps,
  { key, source }: { readonly key: string; readonly source: ObjectSource },
  options: UploadOptions,
): Promise<StoredObject> {
  const { concurrency = 4, resumeFrom, onCheckpoint, onProgress, sizeBytes } = options
  const { httpMetadata, metadata, storageClass } = options
  const properties = {
    ...(httpMetadata && { httpMetadata }),
    ...(metadata && { metadata }),
    ...(storageClass !== undefined && { storageClass }),
  }
  const partBytes = choosePartBytes(options)
  const ending = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal
  // What was sent is filled anew: garbage of this size is not collected before there is much of it.
  const buffers: Uint8Array<ArrayBuffer>[] = []
  const parts = equalParts(
    toChunks(source),
    partBytes,
    () => buffers.pop() ?? new Uint8Array(partBytes),
  )

  const checkSize = (readBytes: number): void => {
    if (sizeBytes !== undefined && readBytes !== sizeBytes) {
      throw createR2Error('upload object', 'source_changed', { storeCode: 'size' })
    }
  }
  /** Tells the source that nobody reads on. */
  const closeSource = async (): Promise<void> => {
    await parts.return().catch(() => undefined)
  }

  signal.throwIfAborted()
  const { value: first } = await parts.next()
  if (!first) throw createR2Error('upload object', 'source_changed')
  if (first.isLast && resumeFrom === undefined) {
    checkSize(first.bytes.length)
    const put = await call(
      'put object',
      (callSignal) => store.put(key, first.bytes, { ...properties, signal: callSignal }),
      signal,
    )
    onProgress?.({
      uploadedBytes: first.bytes.length,
      uploadedParts: 1,
      ...(sizeBytes !== undefined && { sizeBytes }),
    })
    // Without a condition there is none that could not hold.
    if (put === null) throw createR2Error('put object', 'invalid_request')
    return put
  }

  let uploadId: string
  try {
    uploadId =
      resumeFrom?.uploadId ??
      (await call(
        'begin upload',
        (callSignal) => store.createUpload(key, { ...properties, signal: callSignal }),
        signal,
      ))
  } catch (error) {
    await closeSource()
    throw error
  }
  const target = { key, uploadId }
  const sent = new Map<number, UploadedPart & { readonly sha256: string }>()
  const known = new Map(resumeFrom?.parts.map((part) => [part.partNumber, part]))
  const isResumable = onCheckpoint !== undefined || resumeFrom !== undefined
  let readBytes = 0
  let uploadedBytes = 0
  let checkpoints = Promise.resolve()

  const snapshot = (): UploadCheckpoint => ({
    ...target,
    partBytes,
    parts: [...sent.values()].sort((a, b) => a.partNumber - b.partNumber),
  })

  const sendPart = async ({ partNumber, bytes }: BodyPart): Promise<void> => {
    readBytes += bytes.length
    if (partNumber > r2Limits.maxParts) {
      throw new RangeError(
        `Cannot upload object: it must have at most ${r2Limits.maxParts} parts of ${partBytes} bytes; give sizeBytes, or larger partBytes`,
      )
    }
    // Only who may go on later has to know what a part was.
    const sha256 = isResumable ? await sha256Hex(bytes) : undefined
    const there = known.get(partNumber)
    if (there !== undefined && there.sha256 !== sha256) {
      throw createR2Error('resume upload', 'source_changed', { storeCode: `part ${partNumber}` })
    }
    let attempts = 0
    const part =
      there ??
      (await call(
        'upload part',
        (callSignal) => {
          attempts++
          return store.uploadPart({ ...target, partNumber }, bytes, { signal: callSignal, sha256 })
        },
        signal,
      ))
    // An attempt that was given up may still be reading.
    if (attempts <= 1) buffers.push(new Uint8Array(bytes.buffer))
    sent.set(partNumber, { ...part, sha256: sha256 ?? '' })
    uploadedBytes += bytes.length
    onProgress?.({
      uploadedBytes,
      uploadedParts: sent.size,
      ...(sizeBytes !== undefined && { sizeBytes }),
    })
    if (onCheckpoint && there === undefined) {
      const checkpoint = snapshot()
      checkpoints = checkpoints.then(() => onCheckpoint(checkpoint))
      await checkpoints
    }
  }

  let pending: BodyPart | undefined = first
  const takePart = async (): Promise<BodyPart | undefined> => {
    if (pending) {
      const part = pending
      pending = undefined
      return part
    }
    return (await parts.next()).value ?? undefined
  }
  const run = async (): Promise<void> => {
    try {
      for (let part = await takePart(); part; part = await takePart()) {
        signal.throwIfAborted()
        await sendPart(part)
      }
    } catch (error) {
      // The others stop at their next step, and none of them is what went wrong first.
      ending.abort(error)
      throw error
    }
  }

  try {
    const runs = await Promise.allSettled(Array.from({ length: concurrency }, run))
    if (runs.some(({ status }) => status === 'rejected')) throw signal.reason
    checkSize(readBytes)
    return await complete({ store, call }, { ...target, signal, readBytes }, snapshot().parts)
  } catch (error) {
    await closeSource()
    // Whoever can go on keeps the parts. Where the upload is gone, there is nothing to take away.
    const isGone = error instanceof R2Error && error.code === 'no_such_upload'
    if (!isResumable && !isGone) {
      await call(
        'abort upload',
        (callSignal) => store.abortUpload(target, { signal: callSignal }),
        new AbortController().signal,
      ).catch(() => undefined)
    }
    throw error
  }
}

async function complete(
  { store, call }: UploadSteps,
  {
    key,
    uploadId,
    signal,
    readBytes,
  }: { key: string; uploadId: string; signal: AbortSignal; readBytes: number },
  parts: readonly UploadedPart[],
): Promise<StoredObject> {
  let wasTried = false
  let gone: unknown
  await call(
    'complete upload',
    async (callSignal) => {
      const isRepeated = wasTried
      wasTried = true
      try {
        await store.completeUpload(
          { key, uploadId },
          parts.map(({ partNumber, etag }) => ({ partNumber, etag })),
          { signal: callSignal },
        )
      } catch (error) {
        // The attempt before may have completed it, with its answer lost. What is stored says so.
        if (!isRepeated || !(error instanceof R2Error) || error.code !== 'no_such_upload')
          throw error
        gone = error
      }
    },
    signal,
  )
  const object = await call(
    'head object',
    (callSignal) => store.head(key, { signal: callSignal }),
    signal,
  )
  const isWhole =
    object?.sizeBytes === readBytes &&
    (gone === undefined || object.etag.endsWith(`-${parts.length}`))
  if (object && isWhole) return object
  if (gone instanceof Error) throw gone
  throw createR2Error('complete upload', 'corrupt_upload', { storeCode: 'size' })
}
