import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConfigDocument } from '../../../src/publisher.ts'
import { type CliWorld, createCliWorld } from './cli-world.ts'
import type { CommandResult } from './command-process.ts'

let world: CliWorld

beforeAll(async () => {
  world = await createCliWorld()
  await world.write('web.yaml', 'port: 80\ntoken: ${secret:TOKEN}\n')
})

afterAll(() => world.close())

/** Two at a time: each takes as long to start as this whole file to read. */
function runProcess(args: readonly string[], stdin?: string): Promise<CommandResult> {
  const env = { TOKEN: 'hunter22-hunter22' }
  return world.start(args, { env, ...(stdin !== undefined && { stdin }) }).ended
}

describe.concurrent('the real process', () => {
  test('reads, and ends with 0 and JSON on stdout', async () => {
    expect(await runProcess(['get', 'web.yaml', '--json'])).toEqual({
      exitCode: 0,
      stdout: '{"port":80,"token":"[secret]"}\n',
      stderr: '',
    })
  })

  test('ends with what the command says, and nothing on stdout', async () => {
    const { exitCode, stdout, stderr } = await runProcess(['get', 'none.yaml'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
    expect(stderr).toMatch(/^codex-config: Cannot load .*none\.yaml/)
  })

  test('publishes from stdin, over KV, and ends', async () => {
    const uri = 'kv://main/process/web'
    const pushed = await runProcess(['push', '-', uri, '--syntax', 'json'], '{"port":1}')
    expect(pushed).toEqual({ exitCode: 0, stdout: `Published version 1 of ${uri}\n`, stderr: '' })
    const { exitCode, stdout } = await runProcess(['versions', uri, '--json'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, releases: [{ author: 'ada' }] })
  })

  test('watches, tells of changes and failures, and ends with SIGINT', async () => {
    await world.write('live/web.yaml', 'port: 80\ntoken: ${secret:TOKEN}\nname: ${env:NAME}\n')
    const env = { TOKEN: 'hunter22-hunter22', NAME: 'ada-lovelace' }
    const running = world.start(['watch', 'live'], { env })
    await running.until('stderr', /Watching 1 source, each 60 s; SIGINT ends it\n/)
    await world.write('live/web.yaml', 'port: 81\ntoken: none-at-all\nhost: a\n')
    await running.until('stdout', /~ token: /)
    await world.write('live/web.yaml', 'port: [\n')
    await running.until('stderr', /file:live\/web\.yaml/)
    await world.write('live/web.yaml', 'port: 82\ntoken: none-at-all\nhost: a\n')
    await running.until('stdout', /82/)
    running.signal('SIGINT')
    const { exitCode, stdout, stderr } = await running.ended
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      '+ host: "a"\n- name: "[secret]"\n~ port: 80 → 81\n~ token: "[secret]" → "[secret]"\n~ port: 81 → 82\n',
    )
    expect(stderr).toMatch(/Ended after 2 changes\n$/)
    expect(stderr).not.toMatch(/hunter22|lovelace/)
  })

  test('gives a rollout up with SIGINT, and says so', async () => {
    const uri = 'kv://main/process/rollout'
    await runProcess(['push', '-', uri], 'port: 1\n')
    const running = world.start([
      ...['rollout', 'web.yaml', uri, '--probe-command', 'true', '--steps', '5'],
    ])
    await running.until('stderr', /Version 2: 5 % of readers, watched for 300 s/)
    running.signal('SIGINT')
    const { exitCode, stdout, stderr } = await running.ended
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    expect(stderr).toContain(`Interrupted. Given up with version 3 of ${uri}: it was called off`)
    const document = JSON.parse(world.namespace.text('process/rollout') ?? '') as ConfigDocument
    expect(document).toMatchObject({ version: 3, stable: { body: 'port: 1\n' } })
    expect(document).not.toHaveProperty('candidate')
  })

  test('changes nothing any more once it said that it was interrupted', async () => {
    const methods: string[] = []
    let tellPost: () => void = () => undefined
    const posted = new Promise<void>((resolve) => (tellPost = resolve))
    // It asks to be tried again after the time that a command is given to end in.
    const authority = createServer((request, response) => {
      methods.push(request.method ?? '')
      request.resume()
      const isWrite = request.method === 'POST'
      response.writeHead(isWrite ? 503 : 200, {
        'content-type': 'application/json',
        'retry-after': '8',
      })
      response.end(isWrite ? '{}' : '{"version":0}')
      if (isWrite) tellPost()
    })
    authority.listen(0, '127.0.0.1')
    await once(authority, 'listening')
    const { port } = authority.address() as AddressInfo
    const running = world.start(
      [
        ...['push', 'web.yaml', 'kv://main/process/ended'],
        ...['--authority', `http://127.0.0.1:${port}`],
      ],
      { env: { CODEX_CONFIG_TOKEN: 'authority-token-3f9c1b7a5d2e8f60' } },
    )
    await posted
    running.signal('SIGINT')
    const { exitCode, stdout, stderr } = await running.ended
    authority.closeAllConnections()
    authority.close()
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    expect(stderr).toBe(
      'codex-config: Interrupted before it was done: what was under way may have been done or not\nLook at what is there before you try again\n',
    )
    expect(methods.filter((method) => method === 'POST')).toHaveLength(1)
  })

  test('ends without a word when nobody reads on', async () => {
    for (let index = 0; index < 50; index++) {
      world.namespace.put(`pipe/${index}`, { value: 'x'.repeat(50_000) })
    }
    const running = world.start(['export', 'kv://main/pipe/*', '-'])
    await running.until('stdout', /"key":"0"/)
    running.closeStdout()
    const { exitCode, stderr } = await running.ended
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })
})
