import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { refuseSharedPlaces } from '../../../src/cli/copy/copy-target.ts'
import { type CliWorld, createCliWorld } from './cli-world.ts'
import type { CommandResult } from './command-process.ts'

const s3Credentials = { accessKeyId: 'an-access-key-id', secretAccessKey: 'a-secret-access-key' }
let miniflare: Miniflare
let web: Server
let webUrl: string
let world: CliWorld
let env: Record<string, string>

beforeAll(async () => {
  world = await createCliWorld()
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default { fetch: () => new Response() }',
      compatibilityDate: '2026-11-01',
      r2Buckets: { BUCKET: { id: 'settings', s3Credentials } },
    }),
  )
  env = {
    AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
    AWS_ENDPOINT_URL_S3: new URL('/cdn-cgi/local/r2/s3', await miniflare.ready).href,
  }
  web = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/yaml' }).end('port: 5\n')
  })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}/web.yaml`
})

afterAll(async () => {
  web.closeAllConnections()
  web.close()
  await miniflare.dispose()
  await world.close()
})

beforeEach(() => {
  world.namespace.clear()
})

function copy(...args: string[]): Promise<CommandResult> {
  return world.run(['copy', ...args], { env })
}

describe('copy', () => {
  test('moves a file to S3, to KV and back, each text as it is', async () => {
    const text = '# ä comment\nport: 80 # kept\n'
    await world.write('web.yaml', text)
    expect(await copy('web.yaml', 's3://settings/production/web.yaml')).toEqual({
      exitCode: 0,
      stdout: 'Copied 1 text\n  file:web.yaml → s3://settings/production/web.yaml\n',
      stderr: '',
    })
    expect(
      await copy('s3://settings/production/web.yaml', 'kv://main/production/web'),
    ).toMatchObject({ exitCode: 0 })
    expect(world.namespace.text('production/web')).toBe(text)
    expect(await copy('kv://main/production/web', 'back/web.yaml')).toMatchObject({ exitCode: 0 })
    expect(await world.read('back/web.yaml')).toBe(text)
    expect(await world.run(['get', 's3://settings/production/web.yaml', 'port'], { env })).toEqual({
      exitCode: 0,
      stdout: '80\n',
      stderr: '',
    })
  })

  test('takes a text from a server', async () => {
    expect(await copy(webUrl, 'kv://main/production/')).toMatchObject({ exitCode: 0 })
    expect(world.namespace.text('production/web.yaml')).toBe('port: 5\n')
  })

  test('takes all there is below a folder or a prefix, by name', async () => {
    await world.write('many/a b.yaml', 'a: 1\n')
    await world.write('many/c.json', '{}')
    await copy('many', 's3://settings/many/')
    const { stdout } = await copy('s3://settings/many/*', 'kv://main/many/*', '--json')
    expect(JSON.parse(stdout)).toEqual({
      copied: [
        { from: 's3://settings/many/a%20b.yaml', to: 'kv://main/many/a%20b.yaml' },
        { from: 's3://settings/many/c.json', to: 'kv://main/many/c.json' },
      ],
      unchanged: 0,
    })
    expect(world.namespace.keys()).toEqual(['many/a b.yaml', 'many/c.json'])
    await copy('kv://main/many/*', 'many-back/')
    expect(await world.read('many-back/a b.yaml')).toBe('a: 1\n')
    expect(await copy('s3://settings/none/*', 'x/')).toMatchObject({ exitCode: 3 })
    const one = await copy('many', 'kv://main/one')
    expect(one).toMatchObject({ exitCode: 2, stdout: '' })
    expect(one.stderr).toContain('a folder or a prefix was wanted, which ends in a slash')
  })

  test.each([
    ['x', 'kv://main/x/'],
    ['y', 's3://settings/x/'],
    ['z', 'x-out/'],
  ])('from %s, writes over nothing in %s unless it is told to', async (from, to) => {
    await world.write(`${from}/a.yaml`, 'a: 1\n')
    await world.write(`${from}/b.yaml`, 'b: 1\n')
    expect(await copy(from, to, '--dry-run')).toMatchObject({
      stdout: expect.stringContaining('Would copy 2 texts\n') as string,
    })
    expect((await copy(from, to)).stdout).toContain('Copied 2 texts\n')
    await world.write(`${from}/a.yaml`, 'a: 2\n')
    await world.write(`${from}/c.yaml`, 'c: 1\n')
    const refused = await copy(from, to)
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('a.yaml is there with another text\n--overwrite')
    const done = await copy(from, to, '--overwrite')
    expect(done.stdout).toMatch(/^Copied 2 texts; 1 as they are already\n/)
    expect((await copy(from, to)).stdout).toBe('Copied 0 texts; 3 as they are already\n')
  })

  test('tells files apart whose names have a # or a ?', async () => {
    for (const name of ['a#1.yaml', 'a#2.yaml', 'a?1.yaml']) {
      await world.write(`marks/${name}`, `name: ${JSON.stringify(name)}\n`)
    }
    expect(await copy('marks', 'kv://main/marks/')).toMatchObject({ exitCode: 0 })
    expect(world.namespace.keys()).toEqual(['marks/a#1.yaml', 'marks/a#2.yaml', 'marks/a?1.yaml'])
    expect(world.namespace.text('marks/a#2.yaml')).toBe('name: "a#2.yaml"\n')
    expect(await copy('marks/a#1.yaml', 'kv://main/one/')).toMatchObject({ exitCode: 0 })
    expect(world.namespace.text('one/a#1.yaml')).toBe('name: "a#1.yaml"\n')
    expect(await copy(`${webUrl}?a=1`, 'kv://main/web/')).toMatchObject({ exitCode: 0 })
    expect(world.namespace.text('web/web.yaml')).toBe('port: 5\n')
  })

  test('copies nothing when two texts would get to one place', () => {
    const text = { name: 'a.yaml', text: '', syntax: 'yaml' } as const
    const items = [
      { ...text, from: 'file:x/a.yaml' },
      { ...text, from: 'file:y/a.yaml' },
    ]
    expect(() => {
      refuseSharedPlaces(items, { uriOf: ({ name }) => `kv://main/${name}` })
    }).toThrow(
      'Cannot copy: a place for each text was wanted, received kv://main/a.yaml for file:x/a.yaml and file:y/a.yaml',
    )
  })

  test('copies nothing when one of the texts cannot be parsed', async () => {
    await world.write('bad/a.yaml', 'a: 1\n')
    await world.write('bad/b.yaml', 'b: [\n')
    const { exitCode, stderr } = await copy('bad', 'kv://main/bad/')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/file:bad\/b\.yaml:/)
    expect(world.namespace.keys()).toEqual([])
  })

  test('shows no credentials where they are wrong', async () => {
    const wrong = { ...env, AWS_SECRET_ACCESS_KEY: 'another-secret-access-key' }
    const { exitCode, stdout, stderr } = await world.run(['copy', 's3://settings/a', 'a.yaml'], {
      env: wrong,
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).not.toMatch(/another-secret|Signature=/)
    const none = await world.run(['copy', 's3://settings/a', 'a.yaml'])
    expect(none.exitCode).toBe(2)
    expect(none.stderr).toContain('AWS_ACCESS_KEY_ID must be set')
  })
})
