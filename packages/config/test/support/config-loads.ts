import type { LoadedConfig } from '../../src/lib/load/loaded-config.ts'

/** A load as `loadConfig` gives it: the value decides the fingerprint. */
export function toLoaded<T>(
  value: T,
  versions: Readonly<Record<string, number>> = {},
  sources: readonly string[] = Object.keys(versions),
): LoadedConfig<T> {
  const fingerprint = JSON.stringify(value)
  return {
    value,
    versions,
    sources,
    fingerprint,
    explain: () => null,
    diffFrom: (older) =>
      older.fingerprint === fingerprint
        ? []
        : [{ path: '', kind: 'changed', before: older.fingerprint, after: fingerprint }],
  }
}

export interface PendingLoad<T> {
  readonly signal: AbortSignal
  readonly resolve: (loaded: LoadedConfig<T>) => void
  readonly reject: (error: unknown) => void
}

/** A loader whose loads the test settles, in the order it likes. */
export function createManualLoader<T>(): {
  readonly load: (options: { readonly signal: AbortSignal }) => Promise<LoadedConfig<T>>
  readonly loads: readonly PendingLoad<T>[]
} {
  const loads: PendingLoad<T>[] = []
  return {
    loads,
    load: ({ signal }) =>
      new Promise((resolve, reject) => {
        loads.push({ signal, resolve, reject })
      }),
  }
}
