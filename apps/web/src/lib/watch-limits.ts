import type { LiveLimits } from '../routes/(site)/admin/limits/+server.ts'

const intervalMs = 5000

/**
 * Asks an address for JSON every five seconds while the page is looked at.
 *
 * @param onAnswer Called with each answer.
 * @returns stops asking
 */
export function watchLimits(address: string, onAnswer: (answer: LiveLimits) => void): () => void {
  const stopped = new AbortController()
  let asking = false

  const ask = async (): Promise<void> => {
    if (asking || document.visibilityState === 'hidden') return
    asking = true
    try {
      const response = await fetch(address, { signal: stopped.signal })
      if (response.ok) {
        const answer: LiveLimits = await response.json()
        if (!stopped.signal.aborted) onAnswer(answer)
      }
    } catch {
      // Offline, or left: the next question finds out, or is never asked.
    } finally {
      asking = false
    }
  }

  const timer = setInterval(() => void ask(), intervalMs)
  return () => {
    stopped.abort()
    clearInterval(timer)
  }
}
