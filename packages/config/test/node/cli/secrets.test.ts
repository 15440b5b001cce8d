import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliWorld, createCliWorld } from './cli-world.ts'
import type { CommandResult } from './command-process.ts'

/** Each is in one place only, so that the one that shows tells where it leaked. */
const canaries = {
  secretReference: 'Qz7Lm2Xw8Rt5',
  envReference: 'gh4Vd0Ks6Py1',
  fileReference: 'Bn3Jf9Uc5Te2',
  override: 'wA8Mo1Zi7Hk4',
  source: 'Ry6Eb3Gx0Nq9',
  kvToken: 'Cs5Pl2Dv8Fj7',
  authorityToken: 'Tu1Ko4Wm9Sa6Yd3Lz0Hb7Xe2Nc5Gi8Vr1',
  s3Key: 'Jp0Qf6Bt3Mw9',
}

const env = {
  TOKEN: canaries.secretReference,
  NAME: canaries.envReference,
  APP_SERVER__HOST: canaries.override,
  OTHER_HOST: canaries.source,
  WRONG_TOKEN: canaries.kvToken,
  CODEX_CONFIG_TOKEN: canaries.authorityToken,
  AWS_ACCESS_KEY_ID: 'key-id',
  AWS_SECRET_ACCESS_KEY: canaries.s3Key,
  AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
}

let world: CliWorld

beforeAll(async () => {
  world = await createCliWorld()
  await world.write('secrets/db', `${canaries.fileReference}\n`)
  await world.write(
    'all.yaml',
    `server:
  host: localhost
  port: 80
token: \${secret:TOKEN}
url: https://\${secret:TOKEN}@example.com/?q=\${env:NAME}
name: \${env:NAME}
copy: \${config:name}
db: \${file:db}
fallback: \${env:NOT_SET:-none}
`,
  )
  await world.write('env.yaml', 'name: ${env:NAME}\n')
  await world.write('next.yaml', 'server: { port: 81 }\ntoken: other-token\nname: x\n')
  await world.write('missing.yaml', 'a: ${secret:NOT_THERE}\nb: ${vault:${secret:TOKEN}}\n')
  // Says every value it sees, in each form, and puts them elsewhere.
  await world.write(
    'telling.mjs',
    `const all = (value) => [value, encodeURIComponent(value), btoa(value), JSON.stringify(value)].join(' ')
     const strings = (value) => typeof value === 'string' ? [value] : typeof value === 'object' && value ? Object.values(value).flatMap(strings) : []
     export default { '~standard': { version: 1, vendor: 'test', validate: (value) => ({
       issues: Object.keys(value).map((key) => ({ path: [key], message: key + ' is ' + strings(value).map(all).join(' ') })) }) } }`,
  )
  await world.write(
    'moving.mjs',
    `export default { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: { moved: { ...value }, list: Object.values(value) } }) } }`,
  )
  await world.write(
    'strict.json',
    JSON.stringify({
      additionalProperties: { const: 'x' },
      properties: { token: { pattern: '^a$' }, name: { enum: ['a'] }, server: { type: 'string' } },
    }),
  )
  await world.setProfile({ auth: { tokenVariable: 'WRONG_TOKEN' } })
})

afterAll(() => world.close())

const layers = ['all.yaml', 'env:OTHER_']
const load = ['--overrides', 'APP_', '--file-root', 'secrets']
const refused = ['--authority', 'http://127.0.0.1:1']
const commands: readonly (readonly string[])[] = [
  ['get', ...layers, ...load],
  ['get', ...layers, 'server', ...load],
  ['get', ...layers, 'copy', ...load],
  ['get', ...layers, ...load, '--schema', 'moving.mjs'],
  ['explain', ...layers, '', ...load],
  ['explain', ...layers, 'url', ...load],
  ['validate', ...layers, ...load],
  ['validate', ...layers, ...load, '--schema', 'strict.json'],
  ['validate', ...layers, ...load, '--schema', 'telling.mjs'],
  ['validate', ...layers, 'missing.yaml', ...load],
  ['validate', 'env.yaml', '--schema', 'telling.mjs'],
  ['push', 'env.yaml', 'kv://main/a', '--schema', 'telling.mjs'],
  ['diff', 'all.yaml', 'env:OTHER_'],
  ['diff', 'env:OTHER_', 'next.yaml'],
  ['push', 'all.yaml', 'kv://main/a', ...load, '--schema', 'strict.json', '--timeout', '1'],
  ['push', 'all.yaml', 'kv://main/a'],
  ['versions', 'kv://main/a'],
  ['rollback', 'kv://main/a', '1'],
  ['export', 'kv://main/*', '-'],
  ['copy', 'all.yaml', 'kv://main/a'],
]
/** They try again for a second and more, and are run once. */
const slowCommands: readonly (readonly string[])[] = [
  ['push', 'all.yaml', 'kv://main/a', ...refused, '--timeout', '1'],
  ['copy', 's3://bucket/a', 'out.yaml', '--timeout', '1', '--json'],
]

test.each([...commands.flatMap((command) => [command, [...command, '--json']]), ...slowCommands])(
  '%s %s shows no secret',
  async (...args) => {
    const { stdout, stderr, exitCode } = await world.run(args, { env })
    // A fault of the program would be no test of what it says.
    expect([0, 1, 2, 3, 4, 5]).toContain(exitCode)
    const said = `${stdout}${stderr}`
    expect(said).not.toBe('')
    for (const canary of Object.values(canaries)) {
      for (const form of [canary, btoa(canary).replace(/=+$/, ''), canary.slice(0, -2)]) {
        expect(said).not.toContain(form)
      }
    }
  },
)

test('the canaries are there to be found', async () => {
  await world.write('plain.yaml', `a: ${canaries.envReference}\n`)
  const { stdout } = await world.run(['get', 'plain.yaml'])
  expect(stdout).toContain(canaries.envReference)
})

const address = 'hunter2-hunter2'
test.each([
  ['push', 'env.yaml', `https://ada:${address}@config.test/x`],
  ['push', `https://ada:${address}@config.test/x`, 'kv://main/b'],
  ['push', 'env.yaml', `kv://main/a?token=${address}`],
  ['push', `s4://bucket/a?X-Amz-Signature=${address}`, 'kv://main/b'],
  ['push', `env:NAME_?${address}`, 'kv://main/b'],
  ['get', `ftp://ada:${address}@config.test/x`],
  ['get', `http://config.test/x?X-Amz-Signature=${address}`],
  ['copy', 'env.yaml', `https://config.test/x?X-Amz-Signature=${address}`],
  ['copy', 'env.yaml', `ftp://ada:${address}@config.test/x`],
  ['copy', 'env.yaml', `https://config.test/x#${address}`, '--publish'],
  ['copy', 'secrets', `s3://bucket/a?X-Amz-Signature=${address}`],
  ['copy', `env:OTHER_?${address}`, 'kv://main/b'],
  ['import', 'env.yaml', `https://ada:${address}@config.test/*`],
  ['export', `kv://main/a?token=${address}`, '-'],
])('%s %s %s shows nothing secret of an address', async (...args) => {
  const { stdout, stderr, exitCode } = await world.run(args, { env })
  expect(exitCode).not.toBe(0)
  expect(stderr).not.toBe('')
  expect(`${stdout}${stderr}`).not.toContain(address)
})

test('a text that cannot be parsed is told without the signature of its address', async () => {
  const server = createServer((_request, response) => response.end('a: [1\n'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const uri = `http://127.0.0.1:${port}/x.yaml`
  const { exitCode, stderr } = await world.run(['copy', `${uri}?X-Amz-Signature=${address}`, 'x'])
  server.close()
  expect(exitCode).toBe(1)
  expect(stderr).toContain(`Cannot copy ${uri}?…: `)
  expect(stderr).not.toContain(address)
})

test('a variable that became a number is not shown', async () => {
  await world.write('pin.yaml', 'a: ${env:PIN}\nb: ${config:a}\nc: 80801\n')
  await world.write(
    'pin.json',
    JSON.stringify({ properties: { b: { type: 'integer' }, c: { type: 'integer' } } }),
  )
  // As it is written and as a number is.
  await world.write(
    'number.mjs',
    `export default { '~standard': { version: 1, vendor: 'test', validate: ({ b }) => ({ value: { b: Number(b) } }) } }`,
  )
  const run = (PIN: string, ...args: string[]): Promise<CommandResult> =>
    world.run([...args, '--json'], { env: { PIN } })
  const shown = await run('731902', 'get', 'pin.yaml', '--schema', 'pin.json')
  expect(JSON.parse(shown.stdout)).toEqual({ a: '[secret]', b: '[secret]', c: 80801 })
  const explained = await run('731902', 'explain', 'pin.yaml', 'b', '--schema', 'pin.json')
  expect(explained.exitCode).toBe(0)
  expect(explained.stdout).not.toContain('731902')
  const moved = await run('0731902', 'get', 'pin.yaml', '--schema', 'number.mjs')
  expect(JSON.parse(moved.stdout)).toEqual({ b: '[secret]' })
})
