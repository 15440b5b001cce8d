import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createFakeKVApi } from '@codex/fake-kv-api'
import type { IConfigMap, ISecret } from 'kubernetes-models/v1'
import { describe, it, type TestContext } from 'vitest'
import { readManifest } from './deploy/manifests.ts'
import { appFolder, botToken, programFile, sendMessage, startBot } from './start-bot.ts'

const configText = readFileSync(`${appFolder}/config/bot.yaml`, 'utf8')

function createFolder({ onTestFinished }: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bot-example-test-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

/** Files as the kubelet mounts them: each is a link through `..data`, which is replaced at once. */
function mountVolume(
  folder: string,
  files: Readonly<Record<string, string>>,
  version: string,
): void {
  const isFirst = version === '1'
  mkdirSync(join(folder, `..${version}`), { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, `..${version}`, name), text)
    if (isFirst) symlinkSync(join('..data', name), join(folder, name))
  }
  symlinkSync(`..${version}`, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
}

describe.concurrent('the process', () => {
  it('takes up another ConfigMap and another Secret, as Kubernetes mounts them', async (context) => {
    const folder = createFolder(context)
    const [config, secrets] = [join(folder, 'config'), join(folder, 'secrets')]
    const configMap = readManifest('configmap') as IConfigMap
    const files = configMap.data ?? {}
    mountVolume(config, files, '1')
    mountVolume(secrets, { 'bot-token': `${botToken}\n` }, '1')
    const args = [`--config=${config}/bot.yaml`, `--secrets=${secrets}`]
    const bot = await startBot(context, { args })
    await bot.waitFor('config_loaded')
    context.expect(await bot.say('!hello')).toBe('Hello, Ada!')

    const changed = files['bot.yaml']?.replace('Hello,', 'Good day,') ?? ''
    mountVolume(config, { 'bot.yaml': changed }, '2')
    await bot.waitFor('config_changed')
    context.expect(await bot.say('!hello')).toBe('Good day, Ada!')

    mountVolume(secrets, { 'bot-token': 'another-token-of-the-chat' }, '2')
    context.expect(await bot.waitFor('config_changed')).toMatchObject({
      differences: [{ path: 'token', kind: 'changed', before: '[secret]', after: '[secret]' }],
    })
    context.expect(await bot.say('!hello')).toBe('401')
  })

  it('is live and not ready with the Secret that holds none, until there is one', async (context) => {
    const folder = createFolder(context)
    const { stringData = {} } = readManifest('secret') as ISecret
    writeFileSync(join(folder, 'bot-token'), stringData['bot-token'] ?? '')
    const { data = {} } = readManifest('configmap') as IConfigMap
    writeFileSync(join(folder, 'bot.yaml'), data['bot.yaml'] ?? '')
    const bot = await startBot(context, { args: ['-c', 'bot.yaml', '--secrets', folder], folder })
    await bot.waitFor('config_refresh_failed')
    context.expect(await bot.ask('/liveness')).toMatchObject({ status: 200 })
    context.expect(await bot.ask('/readiness')).toMatchObject({
      status: 503,
      body: { isReady: false, configuration: { loadedAt: null, refused: { paths: ['token'] } } },
    })
    context.expect(await bot.say('!hello')).toBe('503')

    writeFileSync(join(folder, 'bot-token'), botToken)
    await bot.waitFor('config_loaded')
    context.expect(await bot.ask('/readiness')).toMatchObject({ status: 200 })
    context.expect(await bot.say('!hello')).toBe('Hello, Ada!')
  })

  it('says which published version it uses, lays it over a file, never goes back, and takes part in a rollout', async (context) => {
    const api = await createFakeKVApi()
    context.onTestFinished(() => api.close())
    const namespace = api.addNamespace('bot-config')
    const publish = (version: number, body: string, percentage?: number): void => {
      const value = JSON.stringify(toDocument(version, body, percentage))
      namespace.put('production/web', { value })
    }
    publish(7, 'commands: { hello: { answer: Version 7 } }')
    const uri = `kv://${api.accountId}/bot-config/production/web`
    const bot = await startBot(context, {
      args: ['-c', 'config/bot.yaml', '-c', uri],
      env: { CLOUDFLARE_API_TOKEN: api.apiToken, CLOUDFLARE_API_BASE_URL: api.url },
    })
    context.expect(await bot.waitFor('config_loaded')).toMatchObject({ versions: { [uri]: 7 } })
    context.expect(await bot.say('!hello')).toBe('Version 7')
    context.expect(await bot.say('!echo from the file')).toBe('from the file')

    publish(6, 'commands: { hello: { answer: Version 6 } }')
    await bot.waitFor('config_outdated')
    context.expect(await bot.say('!hello')).toBe('Version 7')

    publish(8, 'commands: { hello: { answer: Version 8 } }', 100)
    await bot.waitFor('config_changed')
    context.expect(await bot.say('!hello')).toBe('Version 8')
    context.expect(await bot.ask('/readiness')).toMatchObject({
      body: { configuration: { versions: { [uri]: 8 } } },
    })
  })

  it('finishes what it has begun when it is to end, takes nothing more, and tells no secret', async (context) => {
    const asked = Promise.withResolvers<ServerResponse>()
    const web = createServer((_request, response) => {
      asked.resolve(response)
    })
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    context.onTestFinished(() => void web.close())
    const { port } = web.address() as AddressInfo
    const folder = createFolder(context)
    const lookup = `http://127.0.0.1:${port}/{text}`
    writeFileSync(join(folder, 'bot.yaml'), configText.replace(/lookup: .*/, `lookup: ${lookup}`))
    const bot = await startBot(context, { args: ['-c', 'bot.yaml'], folder })
    await bot.waitFor('config_loaded')

    const answer = sendMessage(bot.url, '!weather Delft')
    const response = await asked.promise
    const ended = bot.stop()
    await bot.waitFor('stopping')
    await context.expect(fetch(`${bot.url}/readiness`)).rejects.toThrow('fetch failed')
    response.end('12 °C')
    context.expect(await (await answer).json()).toEqual({ text: '12 °C' })
    context.expect(await ended).toBe(0)
    context.expect(bot.output()).toContain('"event":"stopped"')
    context.expect(bot.output()).not.toContain(botToken)
  })

  it('breaks off what takes longer than it may', async (context) => {
    const asked = Promise.withResolvers<unknown>()
    const web = createServer(() => {
      asked.resolve(undefined)
    })
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    context.onTestFinished(() => {
      web.close()
      web.closeAllConnections()
    })
    const { port } = web.address() as AddressInfo
    const folder = createFolder(context)
    const lookup = `http://127.0.0.1:${port}/{text}`
    writeFileSync(join(folder, 'bot.yaml'), configText.replace(/lookup: .*/, `lookup: ${lookup}`))
    const args = ['-c', 'bot.yaml', '--grace-seconds', '0.1']
    const bot = await startBot(context, { args, folder })
    await bot.waitFor('config_loaded')
    const answer = sendMessage(bot.url, '!weather Delft')
    answer.catch(() => undefined)
    await asked.promise
    context.expect(await bot.stop()).toBe(0)
    await context.expect(answer).rejects.toThrow('fetch failed')
  })
})

describe.concurrent('wrong arguments', () => {
  it.for([
    [[], "required option '-c, --config <uri>' not specified"],
    [['-c', 'a.yaml', '--port', 'http'], 'It must be from 0 to 65535'],
    [['-c', 'a.yaml', '--refresh', '5'], 'unknown option'],
    [['-c', 'ftp://example.com/bot.yaml'], 'Cannot'],
    [['-c', 'https://user:swordfish@example.com/bot.yaml'], 'must be without credentials'],
    [['-c', 'kv://bot/web'], 'must begin with the id of an account or the alias of a profile'],
  ] as const)('%j end it with 2 and a word', async ([args, word], { expect }) => {
    const child = spawn(process.execPath, [programFile('image'), ...args], { env: {} })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    if (child.exitCode === null) await once(child, 'exit')
    expect([child.exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toContain(word)
    expect(stderr).not.toContain('swordfish')
    expect(stderr).not.toMatch(/^ +at /m)
  })
})

/** A published document, as its authority would write it. */
function toDocument(version: number, body: string, percentage?: number): unknown {
  const document = {
    codexConfig: 1,
    name: 'production/web',
    version,
    changedAtMs: 0,
    stable: toRelease(version, body),
    history: [],
  }
  if (percentage === undefined) return document
  const stable = toRelease(version - 1, 'commands: { hello: { answer: Stable } }')
  return { ...document, stable, candidate: { release: toRelease(version, body), percentage } }
}

function toRelease(version: number, body: string): unknown {
  return {
    version,
    parent: version - 1,
    sha256: createHash('sha256').update(body).digest('hex'),
    bytes: new TextEncoder().encode(body).length,
    syntax: 'yaml',
    author: 'Ada',
    atMs: 0,
    body,
  }
}
