import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { repositoryRoot, runCommand, runPnpm } from './run-command.ts'
import type { StepResult } from './step.ts'

/** What is installed: the command's package, and the published one that it depends on. */
const folders = ['packages/cloudflare-clients', 'packages/config']

interface PackedJson {
  readonly name: string
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Packs `@codex/config` as `pnpm publish` would, installs it beside nothing of this repository but its dependencies, and runs its command. */
export async function checkPackedCommand(): Promise<StepResult> {
  const root = await mkdtemp(join(tmpdir(), 'codex-command-'))
  try {
    let command: string | undefined
    for (const folder of folders) command = (await install(folder, root)) ?? command
    if (command === undefined) return { ok: false, detail: 'No packed package has a command' }
    await writeFile(join(root, 'web.yaml'), 'port: 80\n')
    const runs = [
      { args: ['--help'], wanted: 'Usage: codex-config' },
      { args: ['get', 'web.yaml', '--json'], wanted: '{"port":80}' },
    ]
    for (const { args, wanted } of runs) {
      const { exitCode, output } = await runCommand(process.execPath, {
        args: [command, ...args],
        cwd: root,
      })
      if (exitCode !== 0 || !output.includes(wanted)) {
        return { ok: false, detail: `codex-config ${args.join(' ')}\n${output}` }
      }
    }
    return { ok: true, detail: 'codex-config --help, get' }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** @returns The path of the command, where the package has one. */
async function install(folder: string, root: string): Promise<string | undefined> {
  const source = join(repositoryRoot, folder)
  const tarballs = join(root, 'tarballs', folder)
  await mkdir(tarballs, { recursive: true })
  const packed = await runPnpm(['pack', '--pack-destination', tarballs], source)
  const [tarball] = await readdir(tarballs)
  if (packed.exitCode !== 0 || tarball === undefined) throw new Error(packed.output)
  const unpacked = await runCommand('tar', {
    args: ['-xzf', join(tarballs, tarball), '-C', tarballs],
  })
  if (unpacked.exitCode !== 0) throw new Error(unpacked.output)
  const content = join(tarballs, 'package')
  const manifest = JSON.parse(await readFile(join(content, 'package.json'), 'utf8')) as PackedJson
  await link(content, join(root, 'node_modules', manifest.name))
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    // Packed packages find each other in the folder above, and never the sources.
    if (name.startsWith('@codex/')) continue
    await link(join(source, 'node_modules', name), join(content, 'node_modules', name))
  }
  const [bin] = Object.values(manifest.bin ?? {})
  return bin === undefined ? undefined : join(content, bin)
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await symlink(target, path)
}
