import type { CacheRead } from './definition-options.ts'

/** What a client tells of its definitions as it happens: for counters, traces, analytics. It must not throw. */
export interface CacheObserver {
  /** A read was answered. Called for every one, so it should cost little. */
  onRead?(name: string, read: CacheRead<unknown>): void
  /** A call of the origin has ended, for reads or in the background. `error` is what it threw. */
  onLoad?(name: string, load: { readonly key: string; readonly error?: unknown }): void
}
