import Stripe from 'stripe'

export type VerifyEventResult =
  | { readonly ok: true; readonly event: unknown }
  | {
      readonly ok: false
      readonly reason:
        'bad_signature' | 'timestamp_too_old' | 'timestamp_in_future' | 'invalid_payload'
    }

export interface VerifyEventOptions {
  /** The `Stripe-Signature` header. */
  readonly signature: string
  readonly secrets: readonly string[]
  readonly toleranceSeconds: number
  readonly nowMs: number
}

const cryptoProvider = Stripe.createSubtleCryptoProvider()

/** What the body says, once it is proven that Stripe said it, and lately. */
export async function verifyEvent(
  body: Uint8Array,
  { signature, secrets, toleranceSeconds, nowMs }: VerifyEventOptions,
): Promise<VerifyEventResult> {
  const timestamp = parseTimestamp(signature)
  if (timestamp === null) return { ok: false, reason: 'bad_signature' }

  for (const secret of secrets) {
    let event: unknown
    try {
      // Tolerance 0: the time is judged below, because Stripe's check accepts any time in the future.
      event = await Stripe.webhooks.constructEventAsync(body, signature, secret, 0, cryptoProvider)
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) continue
      // The signature is right, and what it signs is no JSON, or a thin event that this endpoint is not for.
      return { ok: false, reason: 'invalid_payload' }
    }
    const ageSeconds = Math.floor(nowMs / 1000) - timestamp
    if (ageSeconds > toleranceSeconds) return { ok: false, reason: 'timestamp_too_old' }
    if (ageSeconds < -toleranceSeconds) return { ok: false, reason: 'timestamp_in_future' }
    return { ok: true, event }
  }
  return { ok: false, reason: 'bad_signature' }
}

/**
 * The time that the signature covers, from `t=…,v1=…`.
 *
 * @returns `null` for a header that Stripe does not send: two times, of which one might be signed and another judged, or
 * a time or signature that is none.
 */
function parseTimestamp(header: string): number | null {
  const items = header.split(',').map((item) => item.split('='))
  const times = items.filter(([name]) => name === 't')
  const signatures = items.filter(([name]) => name === 'v1')
  const [, time = ''] = times[0] ?? []
  if (times.length !== 1 || !/^\d{1,12}$/.test(time)) return null
  if (!signatures.every(([, value = '']) => /^[0-9a-f]{64}$/.test(value))) return null
  return Number(time)
}
