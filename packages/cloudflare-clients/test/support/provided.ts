import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    readonly cachePatternGuide: string
    readonly coordinationGuide: string
    readonly edgeSimulatorGuide: string
    readonly limiterGuide: string
    readonly sessionsGuide: string
  }
}

/** The text of docs/edge-simulator.md. */
export function readEdgeSimulatorGuide(): string {
  return inject('edgeSimulatorGuide')
}

/** The text of docs/coordination.md. */
export function readCoordinationGuide(): string {
  return inject('coordinationGuide')
}

/** The text of docs/choosing-a-cache-pattern.md. */
export function readCachePatternGuide(): string {
  return inject('cachePatternGuide')
}

/** The text of docs/choosing-a-limiter.md. */
export function readLimiterGuide(): string {
  return inject('limiterGuide')
}

/** The text of docs/sessions.md. */
export function readSessionsGuide(): string {
  return inject('sessionsGuide')
}
