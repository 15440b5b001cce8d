import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * What only the tools themselves can say of the image, the manifests and the task. Each is run where it is on the machine, and
 * passed over with a word where it is not: the tests check the same files with what the registry has.
 */
interface Check {
  readonly name: string
  /** What has to work before it can be run. */
  readonly needs: readonly [string, ...string[]]
  readonly command: readonly [string, ...string[]]
  readonly folder: string
}

const appFolder = resolve(import.meta.dirname, '..')
const ecsFolder = mkdtempSync(join(tmpdir(), 'bot-example-ecs-'))
// A copy, because it fills the folder with the provider.
cpSync(join(appFolder, 'deploy/ecs'), ecsFolder, { recursive: true })

const checks: readonly Check[] = [
  {
    name: 'terraform fmt -check',
    needs: ['terraform', 'version'],
    command: ['terraform', 'fmt', '-check', '-diff'],
    folder: ecsFolder,
  },
  {
    name: 'terraform validate',
    needs: ['terraform', 'init', '-backend=false', '-input=false'],
    command: ['terraform', 'validate'],
    folder: ecsFolder,
  },
  {
    name: 'kubectl kustomize',
    needs: ['kubectl', 'version', '--client'],
    command: ['kubectl', 'kustomize', 'deploy/kubernetes'],
    folder: appFolder,
  },
  {
    name: 'docker build --check',
    needs: ['docker', 'info'],
    command: ['docker', 'build', '--check', '-f', 'apps/bot-example/Dockerfile', '.'],
    folder: resolve(appFolder, '../..'),
  },
  {
    name: 'docker build',
    needs: ['docker', 'info'],
    command: ['docker', 'build', '-f', 'apps/bot-example/Dockerfile', '-t', 'bot-example', '.'],
    folder: resolve(appFolder, '../..'),
  },
]

function run([program, ...args]: readonly [string, ...string[]], folder: string) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
  })
  return { isOk: status === 0, output: error?.message ?? `${stdout}${stderr}` }
}

for (const { name, needs, command, folder } of checks) {
  if (!run(needs, folder).isOk) {
    process.stdout.write(`– ${name}: not run, because \`${needs.join(' ')}\` fails here\n`)
    continue
  }
  const { isOk, output } = run(command, folder)
  process.stdout.write(isOk ? `✓ ${name}\n` : `✘ ${name}\n${output}\n`)
  if (!isOk) process.exitCode = 1
}
rmSync(ecsFolder, { recursive: true })
