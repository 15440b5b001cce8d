import {
  type FlagDefinition,
  FlagReader,
  type FlagReaderOptions,
} from '@codex/cloudflare-clients/feature-flags'

const emptyKv = { get: () => Promise.resolve(null) } as unknown as KVNamespace

/** A reader that answers from these flags and loads nothing. */
export function createRulesetReader(
  flags: Readonly<Record<string, FlagDefinition>>,
  options: Pick<FlagReaderOptions, 'algorithms'> = {},
): FlagReader {
  return new FlagReader(emptyKv, {
    ...options,
    bootstrap: {
      format: 1,
      version: 1,
      changedAtMs: 0,
      flags: Object.fromEntries(
        Object.entries(flags).map(([name, flag]) => [name, { ...flag, version: 1 }]),
      ),
    },
    now: () => 1_700_000_000_000,
    waitUntil: () => undefined,
    onEvent: (event) => {
      throw new Error(`Unexpected event: ${JSON.stringify(event)}`)
    },
  })
}
