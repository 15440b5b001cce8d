import type { MediaStatusSummary } from '@codex/core-services'

export type MediaStatus = MediaStatusSummary['status']

const firstDelayMs = 1000
const longestDelayMs = 8000
const growth = 1.35

/** Whether processing is over. */
export function isFinal(status: MediaStatus): boolean {
  return status === 'ready' || status === 'failed'
}

/**
 * Asks for the status of an upload, at growing intervals, until it is final.
 *
 * @param address The status endpoint of the upload.
 * @param onStatus Called with each answer.
 * @returns stops asking
 */
export function watchMediaStatus(
  address: string,
  onStatus: (status: MediaStatus) => void,
): () => void {
  let delayMs = firstDelayMs
  let timer: ReturnType<typeof setTimeout>
  const stopped = new AbortController()

  const ask = async (): Promise<void> => {
    let waitMs = delayMs
    delayMs = Math.min(longestDelayMs, delayMs * growth)
    try {
      const response = await fetch(address, { signal: stopped.signal })
      if (response.ok) {
        const { status }: { status: MediaStatus } = await response.json()
        onStatus(status)
        if (isFinal(status)) return
      } else if (response.status === 401 || response.status === 404) {
        return
      } else {
        waitMs = Math.max(waitMs, Number(response.headers.get('retry-after') ?? 0) * 1000)
      }
    } catch {
      // Offline, or left: the next question finds out, or is never asked.
    }
    if (!stopped.signal.aborted) schedule(waitMs)
  }
  const schedule = (waitMs: number): void => {
    timer = setTimeout(() => void ask(), waitMs)
  }

  schedule(delayMs)
  return () => {
    stopped.abort()
    clearTimeout(timer)
  }
}
