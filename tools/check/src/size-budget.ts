import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { repositoryRoot } from './run-command.ts'
import type { StepResult } from './step.ts'

const packageFolder = join(repositoryRoot, 'packages/cloudflare-clients')
const budgetsFile = join(import.meta.dirname, '../size-budgets.json')

/** What an entry weighs for a Worker that imports all of it, minified and gzipped. */
async function measureEntry(file: string): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [join(packageFolder, file)],
    bundle: true,
    format: 'esm',
    minify: true,
    target: 'es2024',
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
  const manifest = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    publishConfig: { exports: Record<string, { default: string } | string> }
  }
  const { maxGzipBytes: budgets } = JSON.parse(await readFile(budgetsFile, 'utf8')) as {
    maxGzipBytes: Record<string, number>
  }
  const entries = Object.entries(manifest.publishConfig.exports).flatMap(([name, target]) =>
    typeof target === 'string' ? [] : [{ name, file: target.default }],
  )
  const lines: string[] = []
  let ok = true
  for (const { name, file } of entries) {
    const bytes = await measureEntry(file)
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
