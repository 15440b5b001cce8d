import { createEmptyKV } from '@codex/cloudflare-clients'
import {
  type FlagAuthorityNamespace,
  FlagReader,
  type FlagRuleset,
} from '@codex/cloudflare-clients/feature-flags'

/** Evaluates on one ruleset, and tells nobody: what an owner tries out is no exposure. */
export async function createPreview(ruleset: FlagRuleset): Promise<Pick<FlagReader, 'evaluate'>> {
  const refuse = (): never => {
    throw new Error('A preview changes nothing')
  }
  const authority: FlagAuthorityNamespace = {
    getByName: () => ({
      getRuleset: (knownVersion) =>
        knownVersion === ruleset.version
          ? { version: ruleset.version }
          : { version: ruleset.version, ruleset },
      change: refuse,
      changeAll: refuse,
      getHistory: refuse,
    }),
  }
  // With somebody to confirm it: strict flags would be stale otherwise.
  const reader = new FlagReader(createEmptyKV(), {
    bootstrap: ruleset,
    authority,
    confirmWithinSeconds: 60,
  })
  await reader.ready()
  return reader
}
