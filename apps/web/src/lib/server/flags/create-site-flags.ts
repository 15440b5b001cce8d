import {
  createExposureReporter,
  FeatureFlags,
  type FlagAuditEvent,
  type FlagAuthorityNamespace,
  type FlagDefinition,
  type FlagRuleset,
  toAnalyticsEngine,
} from '@codex/cloudflare-clients/feature-flags'
import { log } from '../log.ts'
import { siteFlags, toSiteRuleset } from './site-ruleset.ts'

export interface SiteFlagBindings {
  readonly kv: KVNamespace
  /** The coordinator's objects. `null` where they are not bound: then KV alone decides. */
  readonly authority: FlagAuthorityNamespace | null
  /** Where exposures go. `undefined`: to the log. */
  readonly exposures: AnalyticsEngineDataset | undefined
  /** `development`, `staging` or `production`: each has flags of its own. */
  readonly environment: string
  /** AUTH_SECRET. */
  readonly secret: string
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** The feature flags of this site. */
export interface SiteFlags {
  /** What requests ask, and what changes flags. */
  readonly client: FeatureFlags
  /** Without an authority there is no history, and an editor may undo what another one does at the same time. */
  readonly hasAuthority: boolean
  /**
   * The newest ruleset there is, for an editor: asked of the authority, and where nothing was ever written, what the app brings.
   * @throws what the authority or KV failed with
   */
  readNewest(): Promise<FlagRuleset>
  /**
   * Writes what the app brings, where nothing was ever written: the first ruleset takes the place of all of it.
   * @returns the versions of the flags that were written
   */
  storeDefaults(author: string): Promise<ReadonlyMap<string, number>>
}

/** How long a request waits for KV or the authority. The last known ruleset stands after that. */
const timeoutMs = 1_000

export function createSiteFlags(bindings: SiteFlagBindings): SiteFlags {
  const { kv, authority, exposures, environment, secret, waitUntil } = bindings
  const flags = broughtFlags(authority !== null)
  const bootstrap = toSiteRuleset(flags)
  const client = new FeatureFlags(kv, {
    environment,
    ...(authority !== null && { authority }),
    bootstrap,
    timeoutMs,
    waitUntil,
    onAudit: logAudit,
    onEvaluation: createExposureReporter({
      to: exposures
        ? toAnalyticsEngine(exposures)
        : (seen) => {
            for (const exposure of seen) log('info', 'flag_exposed', { ...exposure })
          },
      // Not AUTH_SECRET itself: nothing else that is keyed with it can then be compared.
      secret: `flag exposures ${secret}`,
      waitUntil,
    }),
  })
  const readNewest = async (): Promise<FlagRuleset> => {
    let newest: FlagRuleset | null | undefined
    if (authority) {
      newest = (await authority.getByName(environment).getRuleset()).ruleset
    } else {
      client.clearCache()
      const { error } = await client.ready()
      if (error !== undefined) throw new Error('KV has no flags to read', { cause: error })
      newest = client.getRuleset()
    }
    return newest && newest.version > 0 ? newest : bootstrap
  }
  return {
    client,
    hasAuthority: authority !== null,
    readNewest,
    async storeDefaults(author) {
      if ((await readNewest()).version > 0) return new Map<string, number>()
      const options = { author, reason: 'As the app brings it' }
      // None, where another owner was as quick.
      const { imported } = await client.importFlags(flags, options)
      const { flags: stored } = await readNewest()
      return new Map(imported.map((name) => [name, stored[name]?.version ?? 0]))
    },
  }
}

/** What the app brings. Without an authority nobody could confirm a strict flag. */
function broughtFlags(hasAuthority: boolean): Readonly<Record<string, FlagDefinition>> {
  if (hasAuthority) return siteFlags
  const flags: Readonly<Record<string, FlagDefinition>> = siteFlags
  return Object.fromEntries(
    Object.entries(flags).map(([name, { strict: _, ...flag }]) => [name, flag]),
  )
}

/** The reason stays in the flag's history: it is free text, and may hold what belongs in no log. */
function logAudit({ type, name, version, author }: FlagAuditEvent): void {
  log('info', type, { name, version, author })
}
