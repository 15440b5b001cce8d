import * as v from 'valibot'

/** Stripe's own limit for an event is far below this; whatever is larger is not from Stripe. */
export const maxBodyBytes = 256 * 1024

/** How far a signature's time may be from ours, in both directions. Stripe's own default for the past. */
export const timestampToleranceSeconds = 300

const developmentSecret = 'whsec_development_only'

const configSchema = v.pipe(
  v.object(
    {
      ENVIRONMENT: v.picklist(
        ['development', 'staging', 'production'],
        'must be development, staging or production',
      ),
      STRIPE_WEBHOOK_SECRET: v.pipe(
        v.string('must be set'),
        v.transform((text) =>
          text
            .split(',')
            .map((secret) => secret.trim())
            .filter((secret) => secret !== ''),
        ),
        v.minLength(1, 'must hold at least one secret'),
        v.everyItem(
          (secret) => /^whsec_\S+$/.test(secret),
          'must hold secrets that start with whsec_, separated by commas',
        ),
      ),
    },
    'must be set',
  ),
  v.forward(
    v.check(
      ({ ENVIRONMENT, STRIPE_WEBHOOK_SECRET }) =>
        ENVIRONMENT === 'development' || !STRIPE_WEBHOOK_SECRET.includes(developmentSecret),
      'must not be the secret of development',
    ),
    ['STRIPE_WEBHOOK_SECRET'],
  ),
)

interface WebhookConfig {
  readonly environment: 'development' | 'staging' | 'production'
  /** A signature by any of them counts, so that a secret can be rotated without losing an event. */
  readonly webhookSecrets: readonly string[]
}

export type ReadConfigResult =
  | { readonly ok: true; readonly config: WebhookConfig }
  /** Which variable is wrong and why. Never its value. */
  | { readonly ok: false; readonly issues: readonly string[] }

export function readConfig(env: object): ReadConfigResult {
  const result = v.safeParse(configSchema, env)
  if (!result.success) {
    const issues = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'env'} ${issue.message}`)
    return { ok: false, issues }
  }
  const { ENVIRONMENT, STRIPE_WEBHOOK_SECRET } = result.output
  return {
    ok: true,
    config: { environment: ENVIRONMENT, webhookSecrets: STRIPE_WEBHOOK_SECRET },
  }
}
