import {
  copyFileSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeKVApi } from '@codex/fake-kv-api'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { generate } from 'selfsigned'
import { describe, it, type TestContext } from 'vitest'
import { readmeArguments, readmeProfiles } from './readme-command.ts'
import { appFolder, startBot } from './start-bot.ts'

/** A place for the configuration, and what the bot needs to read it. */
interface Place {
  readonly args: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  readonly write: (text: string) => unknown
}

const configText = readFileSync(`${appFolder}/config/bot.yaml`, 'utf8')

const lineOfLimit = configText.split('\n').findIndex((line) => line.includes('answers: 20')) + 1

function createFolder({ onTestFinished }: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bot-example-test-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

function createFile(context: TestContext): Promise<Place> {
  const folder = createFolder(context)
  mkdirSync(join(folder, 'config'))
  copyFileSync(`${appFolder}/config/bot.yaml`, join(folder, 'config/bot.yaml'))
  const write = (text: string): void => {
    // At once, as editors do: half of a file would be another fault.
    writeFileSync(join(folder, 'bot.yaml'), text)
    renameSync(join(folder, 'bot.yaml'), join(folder, 'config/bot.yaml'))
  }
  return Promise.resolve({ args: readmeArguments('config/'), folder, write })
}

async function createHttps(context: TestContext): Promise<Place> {
  const folder = createFolder(context)
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  writeFileSync(join(folder, 'ca.pem'), pem.cert)
  let text = configText
  const server = createServer({ key: pem.private, cert: pem.cert }, (request, response) => {
    response.writeHead(request.url === '/bot.yaml' ? 200 : 404).end(text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const args = readmeArguments('https://').map((arg) =>
    arg.replace('config.example.com', `localhost:${port}`),
  )
  const env = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
  return { args, folder, env, write: (changed) => (text = changed) }
}

async function createS3(context: TestContext): Promise<Place> {
  const s3Credentials = { accessKeyId: 'an-access-key-id', secretAccessKey: 'a-secret-access-key' }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default { fetch: () => new Response() }',
      compatibilityDate: '2026-11-01',
      r2Buckets: { BUCKET: { id: 'bot-config', s3Credentials } },
    }),
  )
  context.onTestFinished(() => miniflare.dispose())
  const endpoint = new URL('/cdn-cgi/local/r2/s3', await miniflare.ready).href
  const bucket = await miniflare.getR2Bucket('BUCKET')
  const write = (text: string): unknown => bucket.put('production/bot.yaml', text)
  await write(configText)
  return {
    args: readmeArguments('s3://'),
    folder: createFolder(context),
    env: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'auto',
      AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
    },
    write,
  }
}

async function createKV(context: TestContext): Promise<Place> {
  const api = await createFakeKVApi()
  context.onTestFinished(() => api.close())
  const namespace = api.addNamespace('bot-config')
  const write = (text: string): void => {
    namespace.put('production/bot.yaml', { value: text })
  }
  write(configText)
  const folder = createFolder(context)
  writeFileSync(join(folder, 'codex-config.profiles.yaml'), readmeProfiles())
  return {
    args: readmeArguments('kv://'),
    folder,
    env: {
      CLOUDFLARE_ACCOUNT_ID: api.accountId,
      CLOUDFLARE_API_TOKEN: api.apiToken,
      CLOUDFLARE_API_BASE_URL: api.url,
    },
    write,
  }
}

describe.concurrent('started as the README says, with its configuration', () => {
  it.for([
    ['in a file', createFile],
    ['behind https', createHttps],
    ['in a bucket with the S3 API', createS3],
    ['in KV', createKV],
  ] as const)(
    '%s, takes up a change in the same process and keeps it over an invalid one',
    async ([, createPlace], context) => {
      const { expect } = context
      const { write, ...place } = await createPlace(context)
      const bot = await startBot(context, { ...place, program: 'source' })
      await bot.waitFor('config_loaded')
      expect(await bot.say('!hello')).toBe('Hello, Ada!')
      expect(await bot.ask('/liveness')).toEqual({ status: 200, body: { isLive: true } })
      expect(await bot.ask('/readiness')).toMatchObject({ status: 200, body: { isReady: true } })

      await write(configText.replace('Hello, {user}!', 'Good day, {user}!'))
      expect(await bot.waitFor('config_changed')).toMatchObject({
        differences: [{ path: 'commands.hello.answer', kind: 'changed' }],
      })
      expect(await bot.say('!hello')).toBe('Good day, Ada!')

      await write(configText.replace('answers: 20', 'answers: many'))
      const { faults } = await bot.waitFor('config_refresh_failed')
      expect(faults).toMatchObject([{ path: 'limit.answers', origin: { line: lineOfLimit } }])
      expect(await bot.say('!hello')).toBe('Good day, Ada!')
      expect(await bot.ask('/readiness')).toMatchObject({
        status: 200,
        body: { configuration: { refused: { code: 'invalid', paths: ['limit.answers'] } } },
      })

      // Still the process that was started.
      expect(bot.process.exitCode).toBeNull()
      expect(await bot.stop()).toBe(0)
    },
  )
})
