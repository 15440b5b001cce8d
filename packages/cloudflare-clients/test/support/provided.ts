import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    readonly cachePatternGuide: string
    readonly coordinationGuide: string
    readonly edgeSimulatorGuide: string
    readonly flagsGuide: string
    readonly flagsOpenFeatureGuide: string
    readonly kvHttpGuide: string
    readonly limiterGuide: string
    readonly r2Guide: string
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

/** The text of docs/kv-over-http.md. */
export function readKVHttpGuide(): string {
  return inject('kvHttpGuide')
}

/** The text of docs/choosing-a-limiter.md. */
export function readLimiterGuide(): string {
  return inject('limiterGuide')
}

/** The text of docs/r2.md. */
export function readR2Guide(): string {
  return inject('r2Guide')
}

/** The text of docs/sessions.md. */
export function readSessionsGuide(): string {
  return inject('sessionsGuide')
}

/** The text of docs/feature-flags-openfeature.md. */
export function readFlagsOpenFeatureGuide(): string {
  return inject('flagsOpenFeatureGuide')
}

/** The text of docs/feature-flags.md. */
export function readFlagsGuide(): string {
  return inject('flagsGuide')
}
