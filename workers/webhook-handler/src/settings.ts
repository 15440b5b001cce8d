import * as v from 'valibot'

/** What may be changed while this worker runs. Secrets are not among it: whoever publishes settings could sign events. */
export const settingsSchema = v.strictObject({
  /** Stripe's own limit for an event is far below the default; whatever is larger is not from Stripe. */
  maxBodyBytes: v.pipe(v.number(), v.integer(), v.minValue(16 * 1024), v.maxValue(1024 * 1024)),
  /** How far a signature's time may be from ours, in both directions. A day would keep what was overheard useful for as long. */
  timestampToleranceSeconds: v.pipe(v.number(), v.integer(), v.minValue(30), v.maxValue(3_600)),
})

export type WebhookSettings = v.InferOutput<typeof settingsSchema>

export const defaultSettings: WebhookSettings = {
  maxBodyBytes: 256 * 1024,
  // Stripe's own default for the past.
  timestampToleranceSeconds: 300,
}
