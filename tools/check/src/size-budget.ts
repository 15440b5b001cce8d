import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { publishedFolders } from './packed-package.ts'
import { repositoryRoot } from './run-command.ts'
import type { StepResult } from './step.ts'

const budgetsFile = join(import.meta.dirname, '../size-budgets.json')

/** Entries that no Worker imports. They weigh a program's start and no upload. */
const nodeEntries = new Set(['@codex/config/node'])

interface Manifest {
  readonly name: string
  readonly publishConfig: {
    readonly exports: Readonly<Record<string, { readonly default: string } | string>>
  }
}

interface Entry {
  /** As it is imported: `@codex/cloudflare-clients/cache`. */
  readonly name: string
  readonly file: string
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const packageFolder = join(repositoryRoot, folder)
  const { name, publishConfig } = JSON.parse(
    await readFile(join(packageFolder, 'package.json'), 'utf8'),
  ) as Manifest
  return Object.entries(publishConfig.exports).flatMap(([entry, target]) =>
    typeof target === 'string'
      ? []
      : [{ name: name + entry.slice(1), file: join(packageFolder, target.default) }],
  )
}

/** What an entry weighs for a Worker that imports all of it and of what it imports, minified and gzipped. */
async function measureEntry({ name, file }: Entry): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    format: 'esm',
    minify: true,
    target: 'es2024',
    platform: nodeEntries.has(name) ? 'node' : 'browser',
    // undici is for Node alone, and loaded when it is needed.
    external: ['cloudflare:*', 'undici'],
    write: false,
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error(`Cannot measure ${file}: it has no output`)
  return gzipSync(bundle.contents, { level: 9 }).byteLength
}

/** Whether every published entry has a budget in size-budgets.json and keeps it. */
export async function checkSizes(): Promise<StepResult> {
  const { maxGzipBytes: budgets } = JSON.parse(await readFile(budgetsFile, 'utf8')) as {
    maxGzipBytes: Record<string, number>
  }
  const entries = (await Promise.all(publishedFolders.map(entriesOf))).flat()
  const lines: string[] = []
  let ok = true
  for (const entry of entries) {
    const { name } = entry
    const bytes = await measureEntry(entry)
    const budget = budgets[name]
    if (budget === undefined || bytes > budget) ok = false
    lines.push(`${name} ${bytes} of ${budget ?? 'no budget'} B`)
  }
  const unknown = Object.keys(budgets).filter(
    (name) => !entries.some((entry) => entry.name === name),
  )
  if (unknown.length > 0) {
    return {
      ok: false,
      detail: `Budgets for entries that are not published: ${unknown.join(', ')}`,
    }
  }
  return { ok, detail: lines.join(ok ? ', ' : '\n') }
}
