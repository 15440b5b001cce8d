import type { Timers } from '@codex/cloudflare-clients'
import type { ConfigEventReporter, NoticeDropReason } from './config-event.ts'
import type { LoadFlights } from './load-flights.ts'
import { type ConfigNotice, findVersions, type KnownVersions, parseNotice } from './notice.ts'
import { isWithin, sleep } from './race-timer.ts'

/** Before a second question. Twice as long before each further one. */
const firstDelayMs = 1000
const maxDelayMs = 30_000

export interface NoticeDeskOptions {
  /** For how long a version that does not show is asked for. */
  readonly noticeMs: number
  readonly current: () => KnownVersions
  readonly isClosed: () => boolean
  readonly flights: Pick<LoadFlights<unknown>, 'join' | 'beganMs'>
  readonly now: () => number
  readonly timers: Timers
  readonly random: () => number
  readonly report: ConfigEventReporter
}

/** Takes notices of new versions, which come late, twice and out of order. */
export interface NoticeDesk {
  /** @returns Whether a version that was not in use before is now, or a newer one. */
  readonly accept: (notice: unknown) => Promise<boolean>
}

/**
 * Each call waits with timers of its own request, and shares the loads: many notices at once cost hardly more of them than one.
 */
export function createNoticeDesk(options: NoticeDeskOptions): NoticeDesk {
  const { noticeMs, current, isClosed, flights, now, timers, random, report } = options

  const drop = (reason: NoticeDropReason, notice?: ConfigNotice): false => {
    const named = notice && { name: notice.name, version: notice.version }
    report({ type: 'notice_dropped', reason, ...named })
    return false
  }

  const versionsInUse = (notice: ConfigNotice): number[] => findVersions(notice, current())

  const accept = async (message: unknown): Promise<boolean> => {
    const notice = parseNotice(message)
    if (!notice) return drop('malformed')
    if (isClosed()) return drop('closed', notice)
    const known = versionsInUse(notice)
    if (known.length === 0) return drop('unknown_name', notice)
    if (known.every((inUse) => inUse >= notice.version)) return drop('not_newer', notice)

    const sinceMs = now()
    const isInUse = (): boolean => versionsInUse(notice).some((inUse) => inUse >= notice.version)
    let isDue = true
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
      if (isDue) await flights.join()
      if (isInUse()) return true
      if (isClosed()) return drop('closed', notice)
      if (!isWithin(now() + delayMs, sinceMs, noticeMs)) return drop('not_seen', notice)
      await sleep(delayMs * (1 - random() / 4), timers)
      // Somebody else may have asked meanwhile.
      isDue = !isInUse() && !isWithin(now(), flights.beganMs(), delayMs / 2)
    }
  }

  return { accept }
}
