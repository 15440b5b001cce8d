import { globSync } from 'node:fs'
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { repositoryRoot, runCommand } from './run-command.ts'
import type { StepResult } from './step.ts'

/** Whether each worker-configuration.d.ts is what `wrangler types` makes of the wrangler.jsonc beside it. */
export async function checkWorkerTypes(): Promise<StepResult> {
  const workerFolders = globSync('{apps,workers}/*/wrangler.jsonc', { cwd: repositoryRoot })
    .map((config) => dirname(config))
    .sort()
  for (const folder of workerFolders) {
    const { exitCode, output } = await runCommand('wrangler', {
      args: ['types', '--include-runtime=false', '--check'],
      cwd: join(repositoryRoot, folder),
    })
    if (exitCode !== 0) {
      return {
        ok: false,
        detail: `${output}\n\nTo update: npx -y pnpm@10.34.9 --filter ./${folder} types`,
      }
    }
  }
  return { ok: true, detail: `types of ${workerFolders.length} workers` }
}

/** What drizzle-kit says when the schema and the migrations agree. */
const nothingToMigrate = 'No schema changes'

/** Whether the migrations lead to the schema: generating from the schema adds nothing to a copy of them. */
export async function checkMigrations(): Promise<StepResult> {
  const packageFolder = join(repositoryRoot, 'packages/database')
  const migrations = join(packageFolder, 'migrations')
  const copy = await mkdtemp(join(tmpdir(), 'codex-migrations-'))
  try {
    await cp(migrations, copy, { recursive: true })
    const { exitCode, output } = await runCommand('drizzle-kit', {
      // A relative path: drizzle-kit puts `./` before whatever it is given.
      args: [
        ...['generate', '--dialect', 'sqlite', '--schema', './src/schema.ts'],
        ...['--out', relative(packageFolder, copy)],
      ],
      cwd: packageFolder,
    })
    const before = new Set(await readdir(migrations))
    // It ends with 0 also when it wants to ask whether a column was renamed and finds no terminal to ask in.
    if (exitCode === 0 && output.includes(nothingToMigrate)) {
      return { ok: true, detail: `${before.size - 1} migrations` }
    }
    const added = (await readdir(copy)).filter((name) => !before.has(name))
    const statements = await Promise.all(added.map((name) => readFile(join(copy, name), 'utf8')))
    return {
      ok: false,
      detail: `The schema has changes that no migration makes. To add one: npx -y pnpm@10.34.9 --filter @codex/database generate\n\n${[output, ...statements].join('\n')}`,
    }
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}
