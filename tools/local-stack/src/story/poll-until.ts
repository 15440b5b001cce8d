const defaultDeadlineMs = 20_000
const defaultPauseMs = 50

/** How long to keep asking. */
export interface PollOptions {
  /** Default 20,000 ms. */
  readonly deadlineMs?: number
  /** Ends the polling early, in place of a deadline. */
  readonly signal?: AbortSignal
  /** Between two questions. Default 50 ms. */
  readonly pauseMs?: number
}

/**
 * Asks again and again until the answer is something other than `null`, `undefined` or `false`, and returns it.
 *
 * @throws {Error} Naming `description`, when the deadline passes first.
 */
export async function pollUntil<T>(
  description: string,
  check: () => Promise<T> | T,
  options: PollOptions = {},
): Promise<Exclude<T, null | undefined | false>> {
  const { deadlineMs = defaultDeadlineMs, pauseMs = defaultPauseMs } = options
  const { signal = AbortSignal.timeout(deadlineMs) } = options
  for (;;) {
    const answer = await check()
    if (answer !== null && answer !== undefined && answer !== false) {
      return answer as Exclude<T, null | undefined | false>
    }
    if (signal.aborted) throw new Error(`Waited in vain until ${description}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
