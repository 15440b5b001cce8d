import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ConfigChange, ConfigClient, type ConfigTree, kvSource } from '../../src/index.ts'
import { createSourceResolver } from '../../src/node.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-config-'))
  path = join(folder, 'base.yaml')
  await writeFile(path, 'port: 8080\n')
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

/** As an editor or a deployment does, so that no half of it is ever there. */
async function replace(text: string): Promise<void> {
  await writeFile(join(folder, '.next'), text)
  await rename(join(folder, '.next'), path)
}

test('a file that is replaced is taken up without a restart, and a bad one is not', async () => {
  const failed = Promise.withResolvers<undefined>()
  const config = new ConfigClient({
    sources: [path],
    resolver: createSourceResolver({ env: {} }),
    schema: { jsonSchema: { properties: { port: { type: 'integer' } }, required: ['port'] } },
    refresh: 'background',
    // So that only the watch can have told.
    ttlSeconds: 86_400,
    debounceMs: 20,
    onEvent: (event) => {
      if (event.type === 'refresh_failed') failed.resolve(undefined)
    },
  })
  const nextChange = (): Promise<ConfigChange<ConfigTree>> =>
    new Promise((resolve) => {
      const stop = config.watch((change) => {
        stop()
        resolve(change)
      })
    })
  expect(await config.ready()).toEqual({ port: 8080 })

  const first = nextChange()
  await replace('port: 9090\n')
  expect((await first).differences).toEqual([
    { path: 'port', kind: 'changed', before: 8080, after: 9090 },
  ])
  await replace('port: none\n')
  await failed.promise
  expect(config.value).toEqual({ port: 9090 })

  const second = nextChange()
  await replace('port: 7070\n')
  await second
  expect(config.value).toEqual({ port: 7070 })
  config.close()
})

test('a client keeps no process alive', async () => {
  const entry = (name: string): string =>
    pathToFileURL(join(import.meta.dirname, '../../src', name)).href
  const script = `
    const { ConfigClient } = await import('${entry('index.ts')}')
    const { createSourceResolver } = await import('${entry('node.ts')}')
    const config = new ConfigClient({
      sources: [${JSON.stringify(path)}],
      resolver: createSourceResolver({ env: {} }),
      refresh: 'background',
    })
    console.log((await config.ready()).port)
  `
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { timeout: 60_000 },
  )
  expect(stdout).toBe('8080\n')
})

test('100 processes that began together do not ask KV together', async () => {
  const simulator = createEdgeSimulator({ locations: ['AMS'] })
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('CONFIG_KV')
  simulator.store('CONFIG_KV').seed('web', 'port: 1')
  const startMs = clock.now()
  const seconds = new Map<number, number>()
  let seed = 0
  const clients = Array.from({ length: 100 }, (_, i) => {
    const source = kvSource(kv, 'web')
    return new ConfigClient({
      sources: [
        {
          uri: source.uri,
          load(options) {
            const second = Math.floor((clock.now() - startMs) / 1000)
            if (second > 0) seconds.set(second, (seconds.get(second) ?? 0) + 1)
            return source.load(options)
          },
        },
      ],
      refresh: 'background',
      now: clock.now,
      timers: clock,
      random: () => ((seed += 37 + i) % 100) / 100,
    })
  })
  await Promise.all(clients.map((client) => client.ready()))
  await clock.advance(60_000)
  const counts = [...seconds.values()]
  expect(Math.min(...seconds.keys())).toBeGreaterThanOrEqual(48)
  expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(100)
  expect(Math.max(...counts)).toBeLessThan(25)
  for (const client of clients) client.close()
})
