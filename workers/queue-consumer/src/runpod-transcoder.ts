import * as v from 'valibot'
import {
  TranscoderError,
  type Transcoder,
  type TranscoderErrorOptions,
  type TranscodingJobStatus,
} from './transcoder.ts'

const apiOrigin = 'https://api.runpod.ai'
const maxDetailLength = 300

export interface RunPodTranscoderOptions {
  readonly apiKey: string
  readonly endpointId: string
  /** How long one HTTP call may take. Default 15 s. */
  readonly timeoutMs?: number
  /** After how long RunPod stops a job, waiting included. Default 2 h; RunPod's own is 24 h. */
  readonly maxJobAgeMs?: number
  /** Default the global one. */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>
}

const SubmittedSchema = v.object({ id: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) })
const StatusSchema = v.object({
  status: v.string(),
  output: v.optional(v.unknown()),
  error: v.optional(v.unknown()),
})

/**
 * A transcoder on RunPod's serverless API: `POST /v2/{endpoint}/run`, `GET …/status/{job}`, `POST …/cancel/{job}`.
 *
 * RunPod has no idempotency key, so a submission whose answer is lost may have started a job that nobody knows of;
 * the job's own `ttl` ends it. Answers 408, 425, 429 and 5xx, a timeout and a broken connection are `unavailable`
 * and worth another try; every other refusal is final. The API key goes nowhere but into the Authorization header.
 *
 * @see https://docs.runpod.io/serverless/endpoints/operation-reference
 */
export function createRunPodTranscoder({
  apiKey,
  endpointId,
  timeoutMs = 15_000,
  maxJobAgeMs = 2 * 60 * 60 * 1000,
  fetch = (input, init) => globalThis.fetch(input, init),
}: RunPodTranscoderOptions): Transcoder {
  if (apiKey === '' || endpointId === '') {
    throw new TypeError('Cannot create RunPod transcoder: apiKey and endpointId must not be empty')
  }
  type Operation = TranscoderErrorOptions['operation']

  async function call(
    operation: Operation,
    path: string,
    init: { method: 'GET' | 'POST'; body?: string },
  ): Promise<unknown> {
    let response: Response
    let text: string
    try {
      response = await fetch(`${apiOrigin}/v2/${encodeURIComponent(endpointId)}/${path}`, {
        ...init,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${apiKey}`,
          ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        // A redirect would carry the key to wherever it points.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      text = await response.text()
    } catch (cause) {
      throw new TranscoderError({ operation, code: 'unavailable', cause })
    }
    const { status: httpStatus } = response
    if (!response.ok) {
      const code = isTemporary(httpStatus) ? 'unavailable' : 'refused'
      throw new TranscoderError({ operation, code, httpStatus })
    }
    try {
      return JSON.parse(text)
    } catch {
      throw new TranscoderError({ operation, code: 'invalid_response', httpStatus })
    }
  }

  function parse<const S extends v.GenericSchema>(
    operation: Operation,
    schema: S,
    body: unknown,
  ): v.InferOutput<S> {
    const result = v.safeParse(schema, body)
    if (!result.success) throw new TranscoderError({ operation, code: 'invalid_response' })
    return result.output
  }

  return {
    async submit(job) {
      const body = await call('submit', 'run', {
        method: 'POST',
        body: JSON.stringify({
          input: job,
          policy: { executionTimeout: maxJobAgeMs, ttl: maxJobAgeMs },
        }),
      })
      return { jobId: parse('submit', SubmittedSchema, body).id }
    },

    async status(jobId) {
      const body = await call('status', `status/${encodeURIComponent(jobId)}`, { method: 'GET' })
      return toJobStatus(parse('status', StatusSchema, body), apiKey)
    },

    async cancel(jobId) {
      await call('cancel', `cancel/${encodeURIComponent(jobId)}`, { method: 'POST' })
    },
  }
}

/** @see https://docs.runpod.io/serverless/endpoints/job-states */
function toJobStatus(
  { status, output, error }: v.InferOutput<typeof StatusSchema>,
  apiKey: string,
): TranscodingJobStatus {
  switch (status) {
    case 'IN_QUEUE':
    case 'IN_PROGRESS':
    case 'RUNNING':
      return { state: 'running' }
    case 'COMPLETED':
      return { state: 'completed', output }
    case 'FAILED':
    case 'CANCELLED':
    case 'TIMED_OUT':
      return { state: 'failed', detail: describe(status, error, apiKey) }
    default:
      throw new TranscoderError({ operation: 'status', code: 'invalid_response' })
  }
}

/** The error is whatever the endpoint's code raised, a traceback or its JSON, so that it may echo its environment. */
function describe(status: string, error: unknown, apiKey: string): string {
  if (error === undefined || error === null) return status
  const text = typeof error === 'string' ? error : JSON.stringify(error)
  return `${status}: ${text.replaceAll(apiKey, '[redacted]').slice(0, maxDetailLength)}`
}

function isTemporary(httpStatus: number): boolean {
  return httpStatus === 408 || httpStatus === 425 || httpStatus === 429 || httpStatus >= 500
}
