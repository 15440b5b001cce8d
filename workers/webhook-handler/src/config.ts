import * as v from 'valibot'

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
      SETTINGS_TTL_SECONDS: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^\d{1,4}$/, 'must be a whole number'),
          v.transform(Number),
          v.minValue(1, 'must be at least 1'),
          v.maxValue(3_600, 'must be at most 3600'),
        ),
        '60',
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
  /** How long an isolate uses its settings before it asks for newer ones. */
  readonly settingsTtlSeconds: number
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
  const { ENVIRONMENT, STRIPE_WEBHOOK_SECRET, SETTINGS_TTL_SECONDS } = result.output
  return {
    ok: true,
    config: {
      environment: ENVIRONMENT,
      webhookSecrets: STRIPE_WEBHOOK_SECRET,
      settingsTtlSeconds: SETTINGS_TTL_SECONDS,
    },
  }
}
