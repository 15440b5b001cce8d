import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { repositoryRoot, runPnpm } from './run-command.ts'
import type { StepResult } from './step.ts'

/** Every package that is published. */
export const publishedFolders = ['packages/cloudflare-clients', 'packages/config'] as const

/** The package is ES modules only, so what these two resolutions find in it is no promise of ours. */
const unsupportedResolutions = new Set(['node10', 'node16-cjs'])

/** Packs each published package as `pnpm publish` would, and checks what is in the tarball. */
export async function checkPackedPackages(): Promise<StepResult> {
  for (const folder of publishedFolders) {
    const problems = await problemsOf(folder)
    if (problems.length > 0) {
      return { ok: false, detail: [`Packed ${folder}:`, ...problems].join('\n  ') }
    }
  }
  return { ok: true, detail: publishedFolders.join(', ') }
}

async function problemsOf(folder: string): Promise<string[]> {
  const destination = await mkdtemp(join(tmpdir(), 'codex-pack-'))
  const packageFolder = join(repositoryRoot, folder)
  try {
    const packed = await runPnpm(['pack', '--pack-destination', destination], packageFolder)
    const [tarballName] = await readdir(destination)
    if (packed.exitCode !== 0 || tarballName === undefined) return [packed.output]
    const tarball = new Uint8Array(await readFile(join(destination, tarballName)))
    return [...(await lintTarball(tarball)), ...(await resolveTypes(tarball))]
  } finally {
    await rm(destination, { recursive: true, force: true })
  }
}

async function lintTarball(tarball: Uint8Array): Promise<string[]> {
  const { messages, pkg } = await publint({
    pack: { tarball: tarball.slice().buffer },
    strict: true,
  })
  return messages.map((message) => `publint: ${formatMessage(message, pkg) ?? message.code}`)
}

async function resolveTypes(tarball: Uint8Array): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(tarball))
  if (!analysis.types) return ['attw: the package has no types']
  return analysis.problems
    .filter((problem) => {
      if ('resolutionKind' in problem) return !unsupportedResolutions.has(problem.resolutionKind)
      return true
    })
    .map((problem) => `attw: ${JSON.stringify(problem)}`)
}
