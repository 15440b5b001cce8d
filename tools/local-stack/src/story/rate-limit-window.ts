/** A step that must not straddle two windows. */
export interface WindowStep {
  readonly windowSeconds: number
  /** How long the step may take. */
  readonly neededSeconds: number
  readonly now?: () => number
  readonly log?: (line: string) => void
}

/**
 * Waits for the next window when the running one ends too soon. Windows are aligned to the wall clock, so attempts made
 * just before and just after a boundary would count in two of them.
 */
export async function enterWindow(step: WindowStep): Promise<void> {
  const { windowSeconds, neededSeconds, now = Date.now, log } = step
  const remainingMs = windowSeconds * 1000 - (now() % (windowSeconds * 1000))
  if (remainingMs >= neededSeconds * 1000) return
  log?.(
    `waiting ${Math.ceil(remainingMs / 1000)} s: the rate limit's window of ${windowSeconds} s is about to end`,
  )
  await new Promise((resolve) => setTimeout(resolve, remainingMs + 100))
}
