import { Secret } from '@codex/config'
import * as v from 'valibot'

function wholeNumber(min: number, max: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))
}

/** A queue delays a message by 12 hours at most. */
const maxDelaySeconds = 12 * 60 * 60

/** What may be changed while this worker runs. */
export const settingsSchema = v.pipe(
  v.strictObject({
    /** How much of an object is kept in memory to recognise its type and its dimensions. */
    maxPrefixBytes: wholeNumber(64 * 1024, 8 * 1024 * 1024),
    /** The delay before the second attempt at a message; it doubles with each further one. */
    retryBaseSeconds: wholeNumber(1, maxDelaySeconds),
    retryMaxSeconds: wholeNumber(1, maxDelaySeconds),
    /** The delay before the first question after an external job; it doubles with each further one. */
    pollBaseSeconds: wholeNumber(1, 25 * 60),
    /** RunPod keeps the result of a job for 30 minutes. */
    pollMaxSeconds: wholeNumber(1, 25 * 60),
    /** How long an external job may take before its item fails. */
    maxJobAgeMs: wholeNumber(60_000, 24 * 60 * 60 * 1000),
    transcoderTimeoutMs: wholeNumber(1_000, 60_000),
    /** How long an item may stand still before its message is sent again. */
    stuckAfterMs: wholeNumber(5 * 60 * 1000, 7 * 24 * 60 * 60 * 1000),
    runPod: v.pipe(
      v.strictObject({
        /** Empty: audio and video are served as they were uploaded. */
        apiKey: v.pipe(
          v.string(),
          v.transform((text) => new Secret(text)),
        ),
        endpointId: v.pipe(v.string(), v.regex(/^[\w-]*$/, 'must be an endpoint id')),
      }),
      v.forward(
        v.check(
          ({ apiKey, endpointId }) => apiKey.reveal() === '' || endpointId !== '',
          'must be set where there is an API key',
        ),
        ['endpointId'],
      ),
    ),
  }),
  v.forward(
    v.partialCheck(
      [['retryBaseSeconds'], ['retryMaxSeconds']],
      ({ retryBaseSeconds, retryMaxSeconds }) => retryBaseSeconds <= retryMaxSeconds,
      'must not be below retryBaseSeconds',
    ),
    ['retryMaxSeconds'],
  ),
  v.forward(
    v.partialCheck(
      [['pollBaseSeconds'], ['pollMaxSeconds']],
      ({ pollBaseSeconds, pollMaxSeconds }) => pollBaseSeconds <= pollMaxSeconds,
      'must not be below pollBaseSeconds',
    ),
    ['pollMaxSeconds'],
  ),
  v.forward(
    v.partialCheck(
      [['retryMaxSeconds'], ['stuckAfterMs']],
      ({ retryMaxSeconds, stuckAfterMs }) => retryMaxSeconds * 1000 < stuckAfterMs,
      'must be longer than retryMaxSeconds, or what waits counts as stuck',
    ),
    ['stuckAfterMs'],
  ),
)

export type QueueConsumerSettings = v.InferOutput<typeof settingsSchema>

/** What they are where `CONFIG_KV` says nothing else. Secrets and what each environment sets are references to it. */
export const defaultSettings = {
  maxPrefixBytes: 1024 * 1024,
  retryBaseSeconds: 10,
  retryMaxSeconds: 15 * 60,
  pollBaseSeconds: 15,
  pollMaxSeconds: 4 * 60,
  maxJobAgeMs: 2 * 60 * 60 * 1000,
  transcoderTimeoutMs: 15_000,
  stuckAfterMs: 60 * 60 * 1000,
  runPod: { apiKey: '${secret:RUNPOD_API_KEY:-}', endpointId: '${env:RUNPOD_ENDPOINT_ID:-}' },
} satisfies v.InferInput<typeof settingsSchema>
