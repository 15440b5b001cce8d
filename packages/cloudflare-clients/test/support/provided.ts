import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    readonly edgeSimulatorGuide: string
  }
}

/** The text of docs/edge-simulator.md. */
export function readEdgeSimulatorGuide(): string {
  return inject('edgeSimulatorGuide')
}
