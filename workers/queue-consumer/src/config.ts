import { envReferences } from '@codex/config'
import { WorkerSettings, type WorkerSettingsOptions } from '@codex/core-services/worker-settings'
import * as v from 'valibot'
import type { RunPodTranscoderOptions } from './runpod-transcoder.ts'
import { defaultSettings, settingsSchema, type QueueConsumerSettings } from './settings.ts'

const EnvironmentSchema = v.object({
  RUNPOD_API_KEY: v.optional(v.string(), ''),
  RUNPOD_ENDPOINT_ID: v.optional(v.string(), ''),
  SETTINGS_TTL_SECONDS: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,4}$/, 'must be a whole number'),
      v.transform(Number),
      v.minValue(1),
      v.maxValue(3_600),
    ),
    '60',
  ),
})

/**
 * The settings of this worker, with what the environment says of them.
 *
 * @throws {TypeError} When a variable is malformed.
 */
export function createSettings(
  env: object,
  options: Pick<WorkerSettingsOptions<QueueConsumerSettings>, 'kv' | 'waitUntil' | 'now' | 'log'>,
): WorkerSettings<QueueConsumerSettings> {
  const parsed = v.safeParse(EnvironmentSchema, env)
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw new TypeError(
      `Cannot read the configuration: ${v.getDotPath(issue) ?? 'environment'} ${issue.message}`,
    )
  }
  const { RUNPOD_API_KEY, RUNPOD_ENDPOINT_ID, SETTINGS_TTL_SECONDS } = parsed.output
  return new WorkerSettings({
    ...options,
    worker: 'queue-consumer',
    defaults: defaultSettings,
    schema: settingsSchema,
    // These and no other: a document could refer to whatever is here.
    references: {
      env: envReferences({ RUNPOD_ENDPOINT_ID }),
      secret: envReferences({ RUNPOD_API_KEY }, { isSecret: true }),
    },
    secrets: ['runPod.apiKey'],
    ttlSeconds: SETTINGS_TTL_SECONDS,
  })
}

/** @returns `null` without an API key: audio and video are then served as they were uploaded. */
export function toRunPodOptions({
  runPod: { apiKey, endpointId },
  transcoderTimeoutMs: timeoutMs,
  maxJobAgeMs,
}: QueueConsumerSettings): RunPodTranscoderOptions | null {
  const key = apiKey.reveal()
  return key === '' ? null : { apiKey: key, endpointId, timeoutMs, maxJobAgeMs }
}
