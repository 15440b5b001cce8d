import * as v from 'valibot'

const EnvironmentSchema = v.object({
  RUNPOD_API_KEY: v.optional(v.string(), ''),
  RUNPOD_ENDPOINT_ID: v.optional(
    v.pipe(v.string(), v.regex(/^[\w-]*$/, 'must be an endpoint id')),
    '',
  ),
})

interface RunPodConfig {
  readonly apiKey: string
  readonly endpointId: string
}

export interface QueueConsumerConfig {
  /** Queues whose name starts so hold what was given up on: `transcoding-dead`, `transcoding-dead-staging`, … */
  readonly deadLetterQueuePrefix: string
  /** How much of an object is kept in memory to recognise its type and its dimensions. */
  readonly maxPrefixBytes: number
  /** The delay before the second attempt at a message; it doubles with each further one. */
  readonly retryBaseSeconds: number
  readonly retryMaxSeconds: number
  /** The delay before the first question after an external job; it doubles with each further one. */
  readonly pollBaseSeconds: number
  /** Far below the 30 minutes for which RunPod keeps the result of a job. */
  readonly pollMaxSeconds: number
  /** How long an external job may take before its item fails. */
  readonly maxJobAgeMs: number
  readonly transcoderTimeoutMs: number
  /** How long an item may stand still before its message is sent again. */
  readonly stuckAfterMs: number
  /** `null` without an API key: audio and video are then served as they were uploaded. */
  readonly runPod: RunPodConfig | null
}

/**
 * Reads the environment over the defaults.
 *
 * @throws TypeError when a variable is malformed, or the API key has no endpoint id beside it.
 */
export function readConfig(env: object): QueueConsumerConfig {
  const parsed = v.safeParse(EnvironmentSchema, env)
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw new TypeError(
      `Cannot read the configuration: ${v.getDotPath(issue) ?? 'environment'} ${issue.message}`,
    )
  }
  const { RUNPOD_API_KEY: apiKey, RUNPOD_ENDPOINT_ID: endpointId } = parsed.output
  if (apiKey !== '' && endpointId === '') {
    throw new TypeError(
      'Cannot read the configuration: RUNPOD_API_KEY needs RUNPOD_ENDPOINT_ID, received none',
    )
  }
  return {
    deadLetterQueuePrefix: 'transcoding-dead',
    maxPrefixBytes: 1024 * 1024,
    retryBaseSeconds: 10,
    retryMaxSeconds: 15 * 60,
    pollBaseSeconds: 15,
    pollMaxSeconds: 4 * 60,
    maxJobAgeMs: 2 * 60 * 60 * 1000,
    transcoderTimeoutMs: 15_000,
    stuckAfterMs: 60 * 60 * 1000,
    runPod: apiKey === '' ? null : { apiKey, endpointId },
  }
}
