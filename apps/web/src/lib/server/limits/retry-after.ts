import type { RateLimitReason } from '@codex/cloudflare-clients/rate-limiter'

/** Where nothing is known of when to come back. */
const unknownRetrySeconds = 30

/** Whole seconds until a limit opens again: at least 1, so that no client is told to retry at once. */
export function toRetryAfterSeconds(retryAfterMs: number | undefined): number {
  if (retryAfterMs === undefined) return unknownRetrySeconds
  return Math.max(1, Math.ceil(retryAfterMs / 1000))
}

/** A wait in words a person can act on. Rounded up, so that the time given is never too early. */
export function formatWait(seconds: number): string {
  if (seconds < 60) return plural(Math.max(1, Math.ceil(seconds)), 'second')
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 60) return plural(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  return rest === 0 ? plural(hours, 'hour') : `${plural(hours, 'hour')} ${plural(rest, 'minute')}`
}

/** Names of the limits that this app enforces, and what a person can do when one is reached. */
const limitMessages = {
  login: (wait) =>
    `Too many sign-in attempts. Try again in ${wait}, or reset your password to get in now.`,
  register: (wait) =>
    `Too many new accounts from your network. Try again in ${wait}, or sign in if you already have one.`,
  passwordReset: (wait) =>
    `We have already sent several reset mails. Look in your spam folder, or ask again in ${wait}.`,
  verifyEmail: (wait) =>
    `Too many tries to confirm this address. Use the newest mail we sent, or try again in ${wait}.`,
  api: (wait) => `Too many requests. Try again in ${wait}.`,
  upload: (wait) => `You have uploaded a lot in the last hour. The next upload is open in ${wait}.`,
} as const satisfies Record<string, (wait: string) => string>

export type LimitName = keyof typeof limitMessages

/** What a person is told whom `limit` refused, and who can go on in `seconds`. */
export function refusalMessage(
  limit: LimitName,
  { reason, seconds }: { readonly reason: RateLimitReason; readonly seconds: number },
): string {
  const wait = formatWait(seconds)
  if (reason === 'unavailable') return `We cannot do this safely right now. Try again in ${wait}.`
  if (reason === 'blocked') return `The owner of this site has closed this to you for ${wait}.`
  return limitMessages[limit](wait)
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
