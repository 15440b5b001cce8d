import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeKVApi } from '@codex/fake-kv-api'
import { expect, onTestFinished, test } from 'vitest'
import { createTextServer, type TextServer } from './text-server.ts'

// The example and the tables of docs/configuration.md about sources, as they stand there.

import { loadConfig } from '@codex/config'
import { createSourceResolver, parseConfigProfiles } from '@codex/config/node'

interface GuideWorld {
  readonly env: Readonly<Record<string, string>>
  readonly file: string
  readonly server: TextServer
}

async function createGuideWorld(): Promise<GuideWorld> {
  const api = await createFakeKVApi()
  const server = await createTextServer()
  const folder = mkdtempSync(join(tmpdir(), 'config-guide-'))
  onTestFinished(async () => {
    await api.close()
    server.close()
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'base.yaml')
  writeFileSync(file, 'port: 8080')
  server.put('team.yaml', 'team: payments')
  api.addNamespace('settings').put('production/web', { value: 'greeting: Hello' })
  const env = {
    CLOUDFLARE_ACCOUNT_ID: api.accountId,
    CLOUDFLARE_API_TOKEN: api.apiToken,
    CLOUDFLARE_API_BASE_URL: api.url,
  }
  return { env, file, server }
}

test('layers come from a file, a server and KV', async () => {
  const { env, file, server } = await createGuideWorld()
  const resolver = createSourceResolver({
    env, // CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN; default: process.env
    profiles: { main: { namespaceTitle: 'settings' } },
  })
  const loaded = await loadConfig({
    resolver,
    sources: [
      file, // config/base.yaml
      { uri: `${server.url}/team.yaml`, optional: true },
      'kv://main/production/*',
    ],
  })

  expect(loaded.value).toEqual({ port: 8080, team: 'payments', greeting: 'Hello' })
  expect(loaded.explain('greeting')?.origin.uri).toBe('kv://main/production/web')
})

const guide = readFileSync(join(import.meta.dirname, '../../../../docs/configuration.md'), 'utf8')
const [, rest = ''] = guide.split('\n## Where a configuration comes from\n')
const [section = ''] = rest.split('\n## ')
const cells = [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, cell = '']) => cell)
const isRefused = (cell: string): boolean =>
  section.indexOf(`| \`${cell}\``) > section.indexOf('| refused ')
const uris = cells.filter((cell) => /^(?:[a-z0-9]+:.|\/|config\/)/.test(cell))

const env = {
  CLOUDFLARE_ACCOUNT_ID: 'account',
  CLOUDFLARE_API_TOKEN: 'token',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
}
const resolve = createSourceResolver({ env, profiles: { main: { namespaceTitle: 'settings' } } })
const withIds = (uri: string): string =>
  uri
    .replace('{account}', '01a7362d577a6c3019a474fd6f485823')
    .replace('{namespace id}', '0f2ac74b498b48028cb68387c421e279')
    .replace('{title%20of%20namespace}', 'my%20settings')

test.each(uris.filter((uri) => !isRefused(uri)))('%s is a source', (uri) => {
  expect(resolve(withIds(uri))).toBeDefined()
})

test.each(uris.filter(isRefused))('%s is refused', (uri) => {
  expect(() => resolve(uri)).toThrow(TypeError)
  expect(() => resolve(uri)).not.toThrow(/secret|token@/)
})

test('the guide has it so', () => {
  expect(uris.filter((uri) => !isRefused(uri))).toHaveLength(11)
  expect(uris.filter(isRefused)).toHaveLength(9)
  const [yaml = ''] = [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text ?? '')
  expect(Object.keys(parseConfigProfiles(yaml, 'guide'))).toEqual(['main', 'archive'])
  const [example = ''] = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, text]) => text ?? '',
  )
  expect(readFileSync(import.meta.filename, 'utf8')).toContain(example.trim())
})
