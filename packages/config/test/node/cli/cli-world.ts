import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  createFakeKVApi,
  type FakeKVApi,
  type FakeKVApiOptions,
  type FakeNamespace,
} from '@codex/fake-kv-api'
import { stringify } from 'yaml'
import { type CommandResult, type RunningCommand, startCommand } from './command-process.ts'
import { runHere } from './run-here.ts'

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
}

/** A folder, an account of KV with one namespace, and a profile `main` of it. */
export interface CliWorld {
  readonly folder: string
  readonly api: FakeKVApi
  readonly namespace: FakeNamespace
  /** Runs a command in this process, which takes a tenth of the time. */
  run(args: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** Starts the real process. */
  start(args: readonly string[], options?: RunOptions): RunningCommand
  write(name: string, text: string): Promise<void>
  read(name: string): Promise<string>
  /** Adds to the profile `main`. */
  setProfile(more: object): Promise<void>
  close(): Promise<void>
}

export async function createCliWorld(options: FakeKVApiOptions = {}): Promise<CliWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'config-cli-'))
  const api = await createFakeKVApi(options)
  const namespace = api.addNamespace('settings')
  const withEnv = ({ env = {}, ...more }: RunOptions): RunOptions & { readonly cwd: string } => ({
    cwd: folder,
    env: { CLOUDFLARE_API_TOKEN: api.apiToken, USER: 'ada', ...env },
    ...more,
  })
  const world: CliWorld = {
    folder,
    api,
    namespace,
    run: (args, runOptions = {}) => runHere(args, withEnv(runOptions)),
    start: (args, runOptions = {}) => startCommand(args, withEnv(runOptions)),
    write: async (name, text) => {
      const path = join(folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    },
    read: (name) => readFile(join(folder, name), 'utf8'),
    setProfile: (more) =>
      world.write(
        'codex-config.profiles.yaml',
        stringify({
          main: {
            accountId: api.accountId,
            namespaceId: namespace.id,
            baseUrl: api.url,
            ...more,
          },
        }),
      ),
    close: async () => {
      await api.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await world.setProfile({})
  return world
}
