import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigDocument } from '../../../src/publisher.ts'
import { type AuthorityServer, createAuthorityServer } from './authority-server.ts'
import { type CliWorld, createCliWorld } from './cli-world.ts'
import type { CommandResult } from './command-process.ts'

const uri = 'kv://main/production/web'

describe.each(['KV alone', 'an authority'] as const)('with %s', (kind) => {
  let world: CliWorld
  let server: AuthorityServer | undefined

  beforeEach(async () => {
    world = await createCliWorld()
    if (kind === 'KV alone') return
    server = await createAuthorityServer(world)
    await world.setProfile({ authority: { url: server.url, tokenVariable: 'DEPLOY_TOKEN' } })
  })

  afterEach(async () => {
    await server?.close()
    server = undefined
    await world.close()
  })

  function run(...args: string[]): Promise<CommandResult> {
    return world.run(args, { env: { DEPLOY_TOKEN: server?.token ?? '' } })
  }

  async function push(text: string, ...more: string[]): Promise<CommandResult> {
    await world.write('web.yaml', text)
    return run('push', 'web.yaml', uri, ...more)
  }

  async function versions(): Promise<{
    version: number
    releases: { version: number; state: string; author: string; description?: string }[]
  }> {
    return JSON.parse((await run('versions', uri, '--json')).stdout) as never
  }

  test('publishes, lists, prints, compares and goes back', async () => {
    const first = await push(
      'port: 80\n',
      '-m',
      'first light',
      '--author',
      'ada',
      '--if-version',
      '0',
    )
    expect(first).toEqual({
      exitCode: 0,
      stdout: `Published version 1 of ${uri}\n`,
      stderr: '',
    })
    const same = await push('port: 80\n')
    expect(same.stdout).toBe(`Unchanged: version 1 of ${uri} has this text\n`)
    expect((await push('port: 81\nhost: a\n', '--json')).stdout).toContain('"version":2')

    const listed = await run('versions', uri)
    expect(listed.stderr).toBe('')
    const author = kind === 'KV alone' ? 'ada' : 'deployer'
    expect(listed.stdout).toMatch(/^version {2}published {13}author/)
    expect(listed.stdout).toMatch(
      new RegExp(`\\n1 {8}\\S+Z {2}${author} .* 9 B .* first light\\n$`),
    )
    expect(listed.stdout).toMatch(/\n2 {8}.* stable\n/)
    expect(await run('versions', uri, '1')).toMatchObject({ exitCode: 0, stdout: 'port: 80\n' })

    const compared = await run('diff', uri, '--from', '1')
    expect(compared).toMatchObject({
      exitCode: 1,
      stdout: `+ host: "a"  (${uri}:2:1, version 2)\n~ port: 80 → 81  (${uri}:1:1, version 1 → ${uri}:1:1, version 2)\n`,
    })

    const back = await run('rollback', uri, '1', '-m', 'too early')
    expect(back).toMatchObject({
      exitCode: 0,
      stdout: `Published version 3 of ${uri}, which has the text of version 1\n`,
    })
    expect(await run('diff', uri, '--from', '1', '--to', '3')).toMatchObject({ exitCode: 0 })
    expect((await run('versions', uri)).stdout).toMatch(/stable +rollback to 1: too early\n/)
    await server?.close()
    server = undefined
    const document = JSON.parse(world.namespace.text('production/web') ?? '') as ConfigDocument
    expect(document).toMatchObject({ version: 3, stable: { body: 'port: 80\n' } })
    expect(await world.run(['get', uri, 'port'])).toMatchObject({ stdout: '80\n' })
    expect((await world.run(['explain', uri, 'port'])).stdout).toContain(`${uri}:1:1, version 3\n`)
  })

  test('publishes nothing that readers would refuse', async () => {
    await world.write(
      'schema.json',
      '{"required":["host","port"],"properties":{"port":{"type":"integer"}}}',
    )
    await world.write('base.yaml', 'host: a\n')
    const corrupt = await push('a: 1\na: 2\n')
    expect(corrupt).toMatchObject({ exitCode: 1, stdout: '' })
    expect(corrupt.stderr).toContain('file:web.yaml:2:1')
    const invalid = await push('port: high\n', '--schema', 'schema.json')
    expect(invalid).toMatchObject({ exitCode: 1, stdout: '' })
    expect(invalid.stderr).toContain('2 faults\n')
    expect(invalid.stderr).toMatch(/ {2}port: .* \(file:web\.yaml:1:1\)\n/)
    expect(world.namespace.keys()).toEqual([])
    const merged = ['--schema', 'schema.json', '--over', 'base.yaml']
    expect(await push('port: 80\n', ...merged)).toMatchObject({ exitCode: 0 })
  })

  test('refuses a change of what somebody else has changed', async () => {
    await push('port: 80\n')
    const refused = await push('port: 81\n', '--if-version', '0')
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('the version must be 0, received 1')
    const json = await push('port: 81\n', '--if-version', '7', '--json')
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'conflict', exitCode: 4 } })
  })

  test('says what a push would change, and changes nothing', async () => {
    await push('port: 80\n')
    const before = world.namespace.text('production/web')
    const planned = await push('port: 81\nhost: x\n', '--dry-run', '--secret', 'host')
    expect(planned).toMatchObject({ exitCode: 0 })
    expect(planned.stdout).toBe(
      `Would publish version 2 of ${uri}\n+ host: "[secret]"  (file:web.yaml:2:1)\n~ port: 80 → 81  (${uri}:1:1, version 1 → file:web.yaml:1:1)\n`,
    )
    expect((await versions()).version).toBe(1)
    if (kind === 'KV alone') expect(world.namespace.text('production/web')).toBe(before)
  })

  test('says what is not there', async () => {
    expect(await run('versions', uri)).toMatchObject({ exitCode: 3, stdout: '' })
    await push('port: 80\n')
    for (const args of [
      ['versions', uri, '9'],
      ['diff', uri, '--from', '9'],
    ]) {
      const { exitCode, stdout, stderr } = await run(...args)
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
      expect(stderr).toContain('version 9')
    }
    const unknown = await run('rollback', uri, '9')
    expect(unknown).toMatchObject({ stdout: '' })
    expect([1, 3]).toContain(unknown.exitCode)
  })

  test('rolls out by hand: begins, ramps, promotes and gives up', async () => {
    await push('port: 80\n')
    await world.write('next.yaml', 'port: 81\n')
    const begun = await run('rollout', 'next.yaml', uri, '--percentage', '5')
    expect(begun.stdout).toContain(`Published version 2 of ${uri} for 5 % of readers`)
    expect((await versions()).releases[0]).toMatchObject({ version: 2, state: 'candidate 5 %' })
    expect((await run('ramp', uri, '12.5')).stdout).toContain('to 12.5 % of readers')
    expect((await run('abort', uri, '-m', 'too slow')).stdout).toContain(`Given up: version 4`)
    expect((await versions()).releases.find(({ version }) => version === 2)).toMatchObject({
      state: 'given up',
    })
    expect(await run('promote', uri)).toMatchObject({ exitCode: 1, stdout: '' })
    await run('rollout', 'next.yaml', uri, '--percentage', '5')
    expect((await run('promote', uri, '--json')).stdout).toContain('"version":6')
    expect((await versions()).releases.find(({ state }) => state === 'stable')).toBeDefined()
  })

  test('rolls out while a probe is well, and gives up when it is not', async () => {
    await push('port: 80\n')
    await world.write('next.yaml', 'port: 81\n')
    const times = ['--steps', '10,50', '--bake', '0.02', '--probe-every', '0.01']
    const probe = (command: string) => ['--probe-command', command, '--failures', '1']
    const failing = probe('test "$CODEX_CONFIG_PERCENTAGE" -lt 50')
    const given = await run('rollout', 'next.yaml', uri, ...times, ...failing)
    expect(given.exitCode).toBe(1)
    expect(given.stdout).toContain('Given up with version 4')
    expect(given.stderr).toBe(
      'Version 2: 10 % of readers, watched for 0.02 s\nVersion 3: 50 % of readers, watched for 0.02 s\n',
    )
    const done = await run('rollout', 'next.yaml', uri, ...times, ...probe('true'), '--json')
    expect(done.exitCode).toBe(0)
    expect(JSON.parse(done.stdout)).toEqual({ uri, status: 'promoted', version: 7 })
    const never = await run('rollout', 'next.yaml', uri, ...times, ...probe('false'))
    expect(never).toMatchObject({ exitCode: 1, stdout: '' })
    expect(never.stderr).toContain('Not begun: the probe failed')
    expect((await versions()).version).toBe(7)
  })

  if (kind === 'an authority') {
    test('needs no credentials of KV', async () => {
      await world.write('web.yaml', 'port: 80\n')
      const env = { CLOUDFLARE_API_TOKEN: '', DEPLOY_TOKEN: server?.token ?? '' }
      expect(await world.run(['push', 'web.yaml', uri], { env })).toEqual({
        exitCode: 0,
        stdout: `Published version 1 of ${uri}\n`,
        stderr: '',
      })
    })

    test('names the variable that has no token, and shows no token that is refused', async () => {
      await world.write('web.yaml', 'port: 80\n')
      const none = await world.run(['push', 'web.yaml', uri])
      expect(none).toMatchObject({ exitCode: 2, stdout: '' })
      expect(none.stderr).toContain('DEPLOY_TOKEN must have its token, received none')
      const token = 'a-wrong-token-of-thirty-two-letters'
      const wrong = await world.run(
        ['push', 'web.yaml', uri, '--authority-token-variable', 'OTHER_TOKEN'],
        { env: { OTHER_TOKEN: token } },
      )
      expect(wrong).toMatchObject({ exitCode: 4, stdout: '' })
      expect(wrong.stderr).not.toContain(token)
    })
  }
})

describe('copy --publish', () => {
  test('makes new versions of what differs', async () => {
    const world = await createCliWorld()
    try {
      await world.write('in/a.yaml', 'port: 1\n')
      await world.write('in/b.json', '{"port":2}')
      const args = ['copy', 'in', 'kv://main/production/', '--publish']
      expect(await world.run(args)).toMatchObject({
        exitCode: 0,
        stdout: `Published 2 texts\n  file:in/a.yaml → kv://main/production/a.yaml\n  file:in/b.json → kv://main/production/b.json\n`,
      })
      await world.write('in/a.yaml', 'port: 3\n')
      const refused = await world.run(['copy', 'in', 'kv://main/production/', '--overwrite'])
      expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
      expect(refused.stderr).toContain('a.yaml is a published configuration, with versions')
      const again = await world.run(args)
      expect(again.stdout).toMatch(/^Published 1 text; 1 as they are already\n/)
      const { stdout } = await world.run(['versions', 'kv://main/production/a.yaml', '--json'])
      expect(JSON.parse(stdout)).toMatchObject({ version: 2 })
      const out = await world.run(['copy', 'kv://main/production/*', 'out/'])
      expect(out).toMatchObject({ exitCode: 0 })
      expect(await world.read('out/a.yaml')).toBe('port: 3\n')
      expect(await world.read('out/b.json')).toBe('{"port":2}')
    } finally {
      await world.close()
    }
  })
})
