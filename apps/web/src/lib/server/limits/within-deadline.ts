/** What was asked did not answer in time. What it is doing goes on. */
class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

/** @throws {DeadlineError} When the work takes longer than `deadlineMs`. */
export async function withinDeadline<Result>(
  work: Promise<Result>,
  deadlineMs: number,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError(`No answer within ${String(deadlineMs)} ms`))
    }, deadlineMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
