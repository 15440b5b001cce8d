import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    readonly cachePatternGuide: string
    readonly edgeSimulatorGuide: string
  }
}

/** The text of docs/edge-simulator.md. */
export function readEdgeSimulatorGuide(): string {
  return inject('edgeSimulatorGuide')
}

/** The text of docs/choosing-a-cache-pattern.md. */
export function readCachePatternGuide(): string {
  return inject('cachePatternGuide')
}
