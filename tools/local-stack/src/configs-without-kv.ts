import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parse } from 'jsonc-parser'

interface WranglerConfig extends Record<string, unknown> {
  readonly name: string
  readonly main: string
  readonly assets?: { readonly directory: string }
  readonly d1_databases?: readonly Readonly<Record<string, unknown>>[]
}

/**
 * Writes copies of the workers' configurations that bind no KV namespace, and are otherwise development's.
 *
 * @param folder Where the copies go. What the originals name by relative paths is named by absolute ones.
 * @returns The paths of the copies, in the order of the originals.
 */
export async function writeConfigsWithoutKV(
  configPaths: readonly string[],
  folder: string,
): Promise<string[]> {
  return Promise.all(
    configPaths.map(async (path) => {
      const original = parse(await readFile(path, 'utf8')) as WranglerConfig
      const { kv_namespaces: _namespaces, env: _environments, ...config } = original
      const from = (relativePath: string): string => resolve(dirname(path), relativePath)
      const copy = {
        ...config,
        main: from(original.main),
        ...(original.assets && {
          assets: { ...original.assets, directory: from(original.assets.directory) },
        }),
        d1_databases: original.d1_databases?.map(({ migrations_dir: _migrations, ...d1 }) => d1),
      }
      const copyPath = join(folder, `${basename(dirname(path))}-without-kv.json`)
      await writeFile(copyPath, JSON.stringify(copy))
      return copyPath
    }),
  )
}
