import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CacheLibrary } from '../libraries/cache-under-test.ts'
import { ScenarioResults } from '../result.ts'
import type { Scenario } from '../scenario.ts'

const scenario = 'libraries'

/** What was measured: versions as they are pinned, and what each library is able to do. */
export const settingsTable: Scenario = {
  name: scenario,
  run: (libraries) => {
    const versions = readPinnedVersions()
    const results = new ScenarioResults('cache', scenario)
    for (const library of libraries) {
      const { id, hasMemoryTier, servesStale, hasTags } = library
      results.add(id, 'packages', { value: describePackages(library, versions) })
      results.add(id, 'memory tier', { value: hasMemoryTier ? 'yes' : 'no' })
      results.add(id, 'serves stale while it refreshes', { value: servesStale ? 'yes' : 'no' })
      results.add(id, 'tags', { value: hasTags ? 'yes' : 'no' })
    }
    return Promise.resolve(results.all)
  },
  failures: () => [],
}

function describePackages(
  library: CacheLibrary,
  versions: Readonly<Record<string, string>>,
): string {
  const named = library.packages.map((name) => {
    const version = versions[name]
    return version === undefined || version.startsWith('workspace:') ? name : `${name} ${version}`
  })
  return named.join(' + ') || 'none'
}

function readPinnedVersions(): Readonly<Record<string, string>> {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')
  const manifest = JSON.parse(text) as { readonly dependencies: Readonly<Record<string, string>> }
  return manifest.dependencies
}
