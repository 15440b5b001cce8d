import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigClient } from '@codex/config'
import { expect, it, onTestFinished } from 'vitest'
import { type BotConfig, createBotConfig } from './bot-config.ts'

const minimal = 'name: Bot\ntoken: ${secret:BOT_TOKEN}\ncommands: { hello: { answer: Hello } }\n'

function createClient(
  text: string,
  env: Readonly<Record<string, string>> = {},
): ConfigClient<BotConfig> {
  const folder = mkdtempSync(join(tmpdir(), 'bot-example-config-'))
  writeFileSync(join(folder, 'bot.yaml'), text)
  const client = createBotConfig({
    uris: [join(folder, 'bot.yaml')],
    secretsFolder: folder,
    refreshSeconds: 60,
    unit: 'bot-1',
    env: { BOT_TOKEN: 'a-token-of-16-chars', ...env },
    onEvent: () => undefined,
  })
  onTestFinished(() => {
    client.close()
    rmSync(folder, { recursive: true })
  })
  return client
}

it('fills in what a configuration leaves out', async () => {
  const config = await createClient(minimal).ready()
  expect(config).toMatchObject({ prefix: '!', limit: { answers: 20, windowSeconds: 60 } })
  expect(config.token.reveal()).toBe('a-token-of-16-chars')
})

it('lets the environment say otherwise, as numbers where numbers are wanted', async () => {
  const client = createClient(minimal, { BOT_CONFIG_LIMIT__ANSWERS: '5' })
  expect((await client.ready()).limit).toEqual({ answers: 5, windowSeconds: 60 })
  expect(client.explain('limit.answers')?.origin.uri).toContain('BOT_CONFIG_LIMIT__ANSWERS')
})

it('keeps a token a secret that somebody wrote down', async () => {
  const text = minimal.replace('${secret:BOT_TOKEN}', 'swordfish-swordfish')
  const { token } = await createClient(text).ready()
  expect(JSON.stringify({ token })).toBe('{"token":"[secret]"}')
})

it.each(['env', 'secret'])('has no variable of others said, through %s', async (provider) => {
  const text = minimal.replace('Hello }', `"\${${provider}:CLOUDFLARE_API_TOKEN}" }`)
  const client = createClient(text, { CLOUDFLARE_API_TOKEN: 'swordfish' })
  await expect(client.ready()).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ path: 'commands.hello.answer', origin: { line: 3 } }],
  })
})

it.each([
  ['limit: { answers: 0, windowSeconds: 60 }', 'limit.answers'],
  ['limit: { answers: 5, seconds: 60 }', 'limit.seconds'],
  ['commands: { Hello: { answer: x } }', 'commands'],
  ['commands: { hello: { answer: x, lookup: "http://example.com" } }', 'commands.hello.lookup'],
  ['commands: { hello: { anwser: x } }', 'commands.hello'],
])('refuses %s', async (line, path) => {
  const lines = minimal.split('\n').filter((other) => !line.startsWith(other.slice(0, 8)))
  const error: unknown = await createClient([...lines, line].join('\n'))
    .ready()
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'invalid' })
  const { faults } = error as { readonly faults: readonly { readonly path: string }[] }
  expect(faults.map((fault) => fault.path)).toContain(path)
})
