import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliWorld, createCliWorld } from './cli-world.ts'

let world: CliWorld
const env = { PORT: '8443', API_TOKEN: 'correct-horse-battery', APP_SERVER__HOST: 'env-host-name' }

beforeAll(async () => {
  world = await createCliWorld()
  await world.write(
    'base.yaml',
    `server:
  host: localhost
  port: 80
  hosts: [a]
token: \${secret:API_TOKEN}
empty: {}
`,
  )
  await world.write('prod.json', `{\n  "server": { "port": 443, "hosts": ["b"] }\n}\n`)
  await world.write('env.yaml', 'server:\n  port: ${env:PORT}\n')
  await world.write('bad.yaml', 'a: 1\na: 2\nb: [\n')
  await world.write('twice.yaml', 'a: 1\na: 2\nb: 0777\n')
  await world.write(
    'schema.yaml',
    `properties:
  server:
    required: [host, tls]
    properties:
      port: { type: integer, maximum: 1000 }
      host: { type: string }
  token: { type: string, maxLength: 3 }
`,
  )
  await world.write(
    'schema.mjs',
    `export default { '~standard': { version: 1, vendor: 'test', validate: (value) => ({
       value: { ...value, added: true, moved: 'is ' + value.token, at: new Date(0) } }) } }`,
  )
  await world.write('no-schema.mjs', 'export default 7')
})

afterAll(() => world.close())

describe('get', () => {
  test('prints the merged layers, with secrets masked, as YAML', async () => {
    const { exitCode, stdout, stderr } = await world.run(['get', 'base.yaml', 'prod.json'], { env })
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toBe(`server:
  host: localhost
  port: 443
  hosts:
    - b
token: "[secret]"
empty: {}
`)
  })

  test('prints them as JSON', async () => {
    const { stdout } = await world.run(['get', 'base.yaml', 'prod.json', '--json'], { env })
    expect(JSON.parse(stdout)).toEqual({
      server: { host: 'localhost', port: 443, hosts: ['b'] },
      token: '[secret]',
      empty: {},
    })
  })

  test.each([
    ['server.port', '443\n'],
    ['server.host', 'localhost\n'],
    ['server.hosts[0]', 'b\n'],
    ['server.hosts', '- b\n'],
    ['token', '[secret]\n'],
    ['empty', '{}\n'],
  ])('prints the value at %s', async (path, stdout) => {
    const args = ['get', 'base.yaml', 'prod.json', path]
    expect(await world.run(args, { env })).toEqual({ exitCode: 0, stdout, stderr: '' })
  })

  test('says what is not there', async () => {
    expect(await world.run(['get', 'base.yaml', 'server.hots'], { env })).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: 'codex-config: Cannot get server.hots: there is no such value in file:base.yaml\n',
    })
    const missing = await world.run(['get', 'base.yaml', 'nope.yaml', '--json'], { env })
    expect({ ...missing, stderr: '' }).toEqual({ exitCode: 3, stdout: '', stderr: '' })
    expect(JSON.parse(missing.stderr)).toMatchObject({
      error: { code: 'not_found', exitCode: 3, faults: [{ origin: { uri: 'file:nope.yaml' } }] },
    })
  })

  test('shows nothing of the environment but what is public', async () => {
    const layers = ['get', 'base.yaml', 'env.yaml', '--overrides', 'APP_', '--json']
    const hidden = await world.run(layers, { env })
    expect(JSON.parse(hidden.stdout)).toMatchObject({
      server: { host: '[secret]', port: '[secret]' },
    })
    const shown = await world.run(
      [...layers, '--public-env', 'PORT', '--public-env', 'APP_SERVER__HOST'],
      { env },
    )
    expect(JSON.parse(shown.stdout)).toMatchObject({
      server: { host: 'env-host-name', port: '8443' },
      token: '[secret]',
    })
    const source = await world.run(['get', 'env:APP_'], { env })
    expect(source.stdout).toBe('server:\n  host: "[secret]"\n')
  })

  test('shows nothing that is secret by its path, or that a schema moved', async () => {
    const bySchema = await world.run(['get', 'base.yaml', '--schema', 'schema.mjs', '--json'], {
      env,
    })
    expect(JSON.parse(bySchema.stdout)).toMatchObject({
      added: true,
      at: '1970-01-01T00:00:00.000Z',
      moved: '[secret]',
      token: '[secret]',
    })
    const byPath = await world.run(
      ['get', 'base.yaml', 'prod.json', '--secret', 'server.host', '--json'],
      { env },
    )
    expect(JSON.parse(byPath.stdout)).toMatchObject({ server: { host: '[secret]' } })
  })

  test('shows nothing of what is short, or secret by its path and moved by a schema', async () => {
    await world.write(
      'short.yaml',
      'pin: ${env:PIN}\ncode: ${secret:PIN}\nserver: {}\ntoken: literal-token\n',
    )
    const short = { PIN: 'x7', APP_SERVER__HOST: 'q1' }
    const args = ['short.yaml', '--overrides', 'APP_', '--secret', 'token', '--json']
    const { stdout } = await world.run(['get', ...args, '--schema', 'schema.mjs'], { env: short })
    expect(JSON.parse(stdout)).toMatchObject({
      pin: '[secret]',
      code: '[secret]',
      server: { host: '[secret]' },
      token: '[secret]',
      moved: '[secret]',
    })
    const explained = await world.run(['explain', 'short.yaml', '', ...args.slice(1)], {
      env: short,
    })
    expect(explained.stdout).not.toMatch(/x7|q1|literal/)
  })

  test('ends with 5 where a source cannot be reached', async () => {
    const { exitCode, stdout } = await world.run(['get', 'http://127.0.0.1:1/web.yaml'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' })
  })

  test('reads files that are referred to, and shows nothing of them', async () => {
    await world.write('secrets/db', 'opensesame99\n')
    await world.write('file.yaml', 'db: pg://x:${file:db}@host\n')
    const args = ['get', 'file.yaml', '--file-root', 'secrets']
    expect(await world.run(args)).toMatchObject({ exitCode: 0, stdout: 'db: "[secret]"\n' })
    expect(await world.run(['get', 'file.yaml'])).toMatchObject({ exitCode: 1, stdout: '' })
  })

  test('merges lists as it is told', async () => {
    const args = ['get', 'base.yaml', 'prod.json', 'server.hosts', '--json']
    const { stdout } = await world.run([...args, '--list', 'server.hosts=append'], { env })
    expect(JSON.parse(stdout)).toEqual(['a', 'b'])
    const refused = await world.run([...args, '--list', 'server.hosts'], { env })
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' })
    expect(refused.stderr).toContain('such as hosts=append')
  })

  test('reads KV through a profile, and through the ids of account and namespace', async () => {
    world.namespace.put('production/a b', { value: 'port: 1\n' })
    world.namespace.put('production/c', { value: 'host: kv\n' })
    const byAlias = await world.run(['get', 'kv://main/production/a%20b', 'port'])
    expect(byAlias).toEqual({ exitCode: 0, stdout: '1\n', stderr: '' })
    const uri = `kv://${world.api.accountId}/${world.namespace.id}/production/*`
    const api = { CLOUDFLARE_API_BASE_URL: world.api.url }
    const byId = await world.run(['get', uri, '--json'], { env: api })
    expect(JSON.parse(byId.stdout)).toEqual({ port: 1, host: 'kv' })
  })
})

describe('explain', () => {
  test('says where a value comes from, and what it replaced', async () => {
    const { exitCode, stdout } = await world.run(
      ['explain', 'base.yaml', 'prod.json', 'server.port'],
      { env },
    )
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'server.port = 443\n  from file:prod.json:2:15\n  over 80 from file:base.yaml:3:3\n',
    })
  })

  test('says it of everything, with no value that is hidden', async () => {
    const { stdout } = await world.run(
      ['explain', 'base.yaml', 'env.yaml', '', '--overrides', 'APP_'],
      { env },
    )
    expect(stdout).toContain('server.host = "[secret]"\n  from env:APP_SERVER__HOST\n')
    expect(stdout).toContain(
      'server.port = "[secret]"\n  from file:env.yaml:2:3\n  by ${env:PORT}\n',
    )
    expect(stdout).toContain('token = "[secret]"\n')
    expect(stdout).not.toMatch(/8443|battery|env-host-name/)
  })

  test('wants layers and a path', async () => {
    const { exitCode, stderr } = await world.run(['explain', 'base.yaml'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('layers and then a path were wanted, received one argument')
  })
})

describe('validate', () => {
  test('says that all is well', async () => {
    expect(await world.run(['validate', 'base.yaml', 'prod.json'], { env })).toEqual({
      exitCode: 0,
      stdout: 'Valid: 5 values from 2 sources\n',
      stderr: '',
    })
  })

  test('prints every fault with its path, source and line, and no secret', async () => {
    const args = ['validate', 'base.yaml', 'prod.json', 'env.yaml', '--schema', 'schema.yaml']
    const { exitCode, stdout, stderr } = await world.run(args, { env })
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
    expect(stdout).toContain('Invalid: 3 faults\n')
    expect(stdout).toMatch(/ {2}server: .*"tls".* \(file:(?:env\.yaml:1:1|base\.yaml:1:1)\)\n/)
    expect(stdout).toMatch(/ {2}server\.port: .*\[secret\].*1000.* \(file:env\.yaml:2:3\)\n/)
    expect(stdout).toMatch(/ {2}token: .* \(file:base\.yaml:5:1\)\n/)
    expect(stdout).not.toContain('battery')
  })

  test('prints what cannot be parsed, of all layers', async () => {
    const { exitCode, stdout } = await world.run(['validate', 'bad.yaml', 'twice.yaml', '--json'])
    const { valid, faults } = JSON.parse(stdout) as {
      valid: boolean
      faults: { origin: { uri: string } }[]
    }
    expect({ exitCode, valid }).toEqual({ exitCode: 1, valid: false })
    const uris = faults.map(({ origin }) => origin.uri)
    expect(uris).toContain('file:bad.yaml')
    expect(uris.filter((uri) => uri === 'file:twice.yaml')).toHaveLength(2)
  })

  test('takes references for granted where it is told to', async () => {
    await world.write('vault.yaml', 'password: ${vault:db}\nnone: ${env:NOT_SET}\n')
    const refused = await world.run(['validate', 'vault.yaml'])
    expect(refused.stdout).toContain('Invalid: 2 faults')
    const { exitCode } = await world.run([
      ...['validate', 'vault.yaml', '--assume', 'vault', '--assume', 'env'],
    ])
    expect(exitCode).toBe(0)
  })

  test.each([
    ['nope.json', 3],
    ['no-schema.mjs', 2],
    ['bad.yaml', 2],
  ])('refuses %s as a schema', async (schema, exitCode) => {
    const refused = await world.run(['validate', 'base.yaml', '--schema', schema], { env })
    expect(refused).toMatchObject({ exitCode, stdout: '' })
    expect(refused.stderr).toContain(schema)
  })
})

describe('diff', () => {
  test('compares value by value, and ends with 1 where they differ', async () => {
    const { exitCode, stdout } = await world.run(['diff', 'base.yaml', 'prod.json'])
    expect(exitCode).toBe(1)
    expect(stdout).toBe(`- empty: {}  (file:base.yaml:6:1)
- server.host: "localhost"  (file:base.yaml:2:3)
~ server.hosts[0]: "a" → "b"  (file:base.yaml:4:11 → file:prod.json:2:38)
~ server.port: 80 → 443  (file:base.yaml:3:3 → file:prod.json:2:15)
- token: "\${secret:API_TOKEN}"  (file:base.yaml:5:1)
`)
  })

  test('ends with 0 where they are equal', async () => {
    const { exitCode, stdout } = await world.run(['diff', 'base.yaml', 'base.yaml'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    const json = await world.run(['diff', 'base.yaml', 'base.yaml', '--json'])
    expect(json.stdout).toBe('[]\n')
  })

  test('shows no value of a secret path, and nothing of the environment', async () => {
    const { stdout } = await world.run(
      ['diff', 'base.yaml', 'env:APP_', '--secret', 'server.port', '--json'],
      { env },
    )
    const differences = JSON.parse(stdout) as { path: string }[]
    expect(differences.find(({ path }) => path === 'server.host')).toMatchObject({
      before: 'localhost',
      after: '[secret]',
    })
    expect(differences.find(({ path }) => path === 'server.port')).toMatchObject({
      before: '[secret]',
    })
  })

  test('wants two sources, or one with --from', async () => {
    for (const args of [['base.yaml'], ['base.yaml', 'prod.json', '--from', '1']]) {
      const { exitCode, stderr } = await world.run(['diff', ...args])
      expect(exitCode).toBe(2)
      expect(stderr).toContain('two sources, or one with --from, were wanted')
    }
  })
})

describe('what a command line says wrongly', () => {
  test.each([
    [['get'], "Missing required argument 'layers'"],
    [['gte', 'base.yaml'], "Unknown command 'gte'\n(Did you mean get?)"],
    [['get', 'base.yaml', '--jsn'], "Unknown option '--jsn'\n(Did you mean --json?)"],
    [
      ['get', 'base.yaml', '--timeout', '0'],
      'It must be a time above 0, such as 90, 90s, 5m or 1h',
    ],
    [['get', 'gopher://x'], 'a path, file:, https:, s3:, kv: or env: was wanted'],
    [['get', 'kv://other/x'], 'the alias of a profile (main)'],
    [['get', 'kv://main'], 'begin with kv://, a name and a slash'],
    [['get', 'base.yaml', '--path', 'a['], 'names with dots and indices in brackets were wanted'],
    [['get', 'base.yaml', '--public-env', 'A-B'], 'the name of a variable of the environment'],
    [['push', 'base.yaml', 'file:x'], 'an address of KV was wanted'],
    [['push', 'base.yaml', 'kv://main/a/*'], 'one key of KV was wanted'],
    [['push', 'base.yaml', 'kv://main/a', '--if-version', '-1'], 'a whole number from 0 to'],
    [['versions', 'kv://main/a', 'x'], 'a whole number from 1 to'],
    [['versions', 'kv://main/a', '--limit', '101'], 'a whole number from 1 to 100'],
    [['ramp', 'kv://main/a', '101'], 'a percentage from 0 to 100, in steps of 0.01'],
    [['ramp', 'kv://main/a', '1.001'], 'a percentage from 0 to 100, in steps of 0.01'],
    [
      ['rollout', 'base.yaml', 'kv://main/a'],
      '--probe-url or --probe-command, or else --percentage',
    ],
    [
      ['rollout', 'base.yaml', 'kv://main/a', '--steps', '10,5', '--probe-command', 'true'],
      'percentages above 0 that rise, such as 1,10,50',
    ],
    [
      ['rollout', 'base.yaml', 'kv://main/a', '--probe-url', 'ftp://x'],
      'an http or https address without credentials',
    ],
    [['copy', 'base.yaml', 'https://example.com/x'], 'a path, kv:// or s3:// was wanted'],
    [['copy', 'base.yaml', 'x.yaml', '--publish'], 'kv:// was wanted'],
    [['copy', 'env:APP_', 'x.yaml'], 'a text was wanted, received variables'],
    [['import', 'in.jsonl', 'kv://main/key'], 'a prefix of KV was wanted'],
    [['export', 'kv://main/key', '-'], 'a prefix of KV was wanted'],
    [['import', '-', 'kv://main/*', '--overwrite', '--keep-existing'], 'received both'],
    [['get', 'base.yaml', '--profiles', 'none.yaml', 'kv://main/x'], 'none.yaml must be a file'],
  ])('%j is refused with what was wanted', async (args, wanted) => {
    const { exitCode, stdout, stderr } = await world.run(args, { env })
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(wanted)
    const json = await world.run([...args, '--json'], { env })
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'usage', exitCode: 2 } })
  })

  test('never repeats an address with credentials', async () => {
    for (const uri of ['https://ada:hunter22@example.com/x', 'kv://ada:hunter22@main/x']) {
      const { exitCode, stderr } = await world.run(['get', uri])
      expect(exitCode).toBe(2)
      expect(stderr).not.toContain('hunter22')
    }
  })
})

test('an absolute path is as good as a relative one', async () => {
  const path = join(world.folder, 'prod.json')
  expect(await world.run(['get', path, 'server.port'])).toMatchObject({ stdout: '443\n' })
})
