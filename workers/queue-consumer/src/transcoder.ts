export interface TranscodingJob {
  readonly mediaId: string
  readonly sourceKey: string
  /** Every rendition has to be stored under this key prefix. It ends in `/`. */
  readonly outputPrefix: string
  readonly type: string
  readonly sizeBytes: number
  readonly sha256: string
}

export type TranscodingJobStatus =
  | { readonly state: 'running' }
  | { readonly state: 'completed'; readonly output: unknown }
  /** `detail` is for the log: it is the transcoder's own text. */
  | { readonly state: 'failed'; readonly detail: string }

/** A service outside that makes renditions of audio and video. */
export interface Transcoder {
  /** @throws {@link TranscoderError} */
  submit(job: TranscodingJob): Promise<{ readonly jobId: string }>
  /** @throws {@link TranscoderError} */
  status(jobId: string): Promise<TranscodingJobStatus>
  /** Stops a job whose result nobody will take. @throws {@link TranscoderError} */
  cancel(jobId: string): Promise<void>
}

export interface TranscoderErrorOptions {
  readonly operation: 'submit' | 'status' | 'cancel'
  readonly code: 'refused' | 'unavailable' | 'invalid_response'
  /** Absent when there was no answer at all. */
  readonly httpStatus?: number
  readonly cause?: unknown
}

/** The transcoder could not be asked, or would not answer. Its message holds no credentials. */
export class TranscoderError extends Error {
  override readonly name = 'TranscoderError'
  readonly operation: TranscoderErrorOptions['operation']
  readonly code: TranscoderErrorOptions['code']
  readonly httpStatus: number | undefined
  /** Whether the same call may succeed later. */
  readonly retryable: boolean

  constructor({ operation, code, httpStatus, cause }: TranscoderErrorOptions) {
    const answer = httpStatus === undefined ? '' : ` (HTTP ${httpStatus})`
    super(`Cannot ${operation} transcoding job: ${code}${answer}`, { cause })
    this.operation = operation
    this.code = code
    this.httpStatus = httpStatus
    this.retryable = code === 'unavailable'
  }
}
