export interface BackoffOptions {
  readonly baseSeconds: number
  readonly maxSeconds: number
}

/** `baseSeconds` after the first attempt, doubled after each further one, at most `maxSeconds`. */
export function backoffSeconds(
  attempts: number,
  { baseSeconds, maxSeconds }: BackoffOptions,
): number {
  return Math.min(baseSeconds * 2 ** Math.max(0, attempts - 1), maxSeconds)
}
