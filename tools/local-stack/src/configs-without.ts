import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parse } from 'jsonc-parser'
import { repository } from './repository.ts'

/** A kind of binding that a deployment may lack. */
export type MissingBinding = 'kv' | 'coordinator'

interface WranglerConfig extends Record<string, unknown> {
  readonly name: string
  readonly main: string
  readonly assets?: { readonly directory: string }
  readonly d1_databases?: readonly Readonly<Record<string, unknown>>[]
}

const settingOf = {
  kv: 'kv_namespaces',
  coordinator: 'durable_objects',
} as const satisfies Record<MissingBinding, string>

/**
 * Writes copies of the workers' configurations that lack some bindings, and are otherwise development's. Without the
 * coordinator its own worker is left out too.
 *
 * @returns The paths of the copies, in the order of the originals.
 */
export async function writeConfigsWithout(
  missing: readonly MissingBinding[],
  /** `folder`: where the copies go. What the originals name by relative paths is named by absolute ones. */
  { folder }: { readonly folder: string },
): Promise<string[]> {
  const lacking = new Set<string>(missing.map((binding) => settingOf[binding]))
  const configPaths = repository.workerConfigs.filter(
    (path) => !(missing.includes('coordinator') && basename(dirname(path)) === 'coordinator'),
  )
  return Promise.all(
    configPaths.map(async (path) => {
      const original = parse(await readFile(path, 'utf8')) as WranglerConfig
      const { env: _environments, ...all } = original
      const config = Object.fromEntries(Object.entries(all).filter(([name]) => !lacking.has(name)))
      const from = (relativePath: string): string => resolve(dirname(path), relativePath)
      const copy = {
        ...config,
        main: from(original.main),
        ...(original.assets && {
          assets: { ...original.assets, directory: from(original.assets.directory) },
        }),
        d1_databases: original.d1_databases?.map(({ migrations_dir: _migrations, ...d1 }) => d1),
      }
      const copyPath = join(folder, `${basename(dirname(path))}-without-${missing.join('-')}.json`)
      await writeFile(copyPath, JSON.stringify(copy))
      return copyPath
    }),
  )
}
