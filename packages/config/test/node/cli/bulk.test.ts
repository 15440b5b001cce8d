import { access, appendFile, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { FakeFault, FakeRequest } from '@codex/fake-kv-api'
import { afterEach, describe, expect, test } from 'vitest'
import { type CliWorld, createCliWorld } from './cli-world.ts'

const worlds: CliWorld[] = []

async function openWorld(
  onRequest?: (request: FakeRequest) => FakeFault | undefined,
): Promise<CliWorld> {
  const world = await createCliWorld(onRequest === undefined ? {} : { onRequest })
  worlds.push(world)
  return world
}

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()))
})

function lines(entries: readonly object[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

function many(amount: number): { key: string; value: string }[] {
  return Array.from({ length: amount }, (_, index) => ({
    key: `user-${String(index).padStart(5, '0')}`,
    value: `value ${index}`,
  }))
}

describe('import and export', () => {
  test('bring every kind of entry back as it was', async () => {
    const world = await openWorld()
    const expiration = Math.floor(Date.now() / 1000) + 86_400
    const entries = [
      { key: '7', value: 'an index of an array' },
      { key: '__proto__', value: '{"a":1}' },
      { key: 'a/b c?#%.yaml', value: 'port: 1\u2028\n', metadata: { by: 'ada' }, expiration },
      { key: 'bytes', value: '/wD+', base64: true },
      { key: 'empty', value: '' },
      { key: 'replaced', value: 'a \uFFFD of its own' },
    ]
    await world.write('in.jsonl', lines(entries))
    const imported = await world.run(['import', 'in.jsonl', 'kv://main/settings/*', '--json'])
    expect(imported).toMatchObject({ exitCode: 0, stderr: '' })
    expect(JSON.parse(imported.stdout)).toEqual({
      uri: 'kv://main/settings/*',
      total: 6,
      written: 6,
      kept: 0,
      expired: 0,
      doneBefore: 0,
    })
    expect([...(world.namespace.get('settings/bytes')?.value ?? [])]).toEqual([255, 0, 254])
    const exported = await world.run(['export', 'kv://main/settings/*', 'out.jsonl'])
    expect(exported).toEqual({
      exitCode: 0,
      stdout: 'Exported 6 entries from kv://main/settings/* to out.jsonl\n',
      stderr: '',
    })
    expect(await world.read('out.jsonl')).toBe(lines(entries))
    const piped = await world.run(['export', 'kv://main/settings/*', '-', '--exact'])
    expect(piped).toEqual({
      exitCode: 0,
      stdout: lines(entries),
      stderr: 'Exported 6 entries from kv://main/settings/*\n',
    })
  })

  test('import goes on after a failure in the middle, and says how far it came', async () => {
    const entries = many(2500)
    let isBroken = true
    const world = await openWorld(({ path, body }) =>
      isBroken && path.endsWith('/bulk') && new TextDecoder().decode(body).includes('user-01500')
        ? { type: 'status', status: 403 }
        : undefined,
    )
    await world.write('in.jsonl', lines(entries))
    const args = ['import', 'in.jsonl', 'kv://main/*']
    const failed = await world.run(args)
    expect(failed).toMatchObject({ exitCode: 4, stdout: '' })
    expect(failed.stderr).toMatch(
      /; 1,000 of 2,500 entries are done\nThe same command goes on from there\n$/,
    )
    expect(world.namespace.keys()).toHaveLength(1000)
    isBroken = false
    const before = world.api.requests.length
    const done = await world.run(args)
    expect(done).toEqual({
      exitCode: 0,
      stdout: 'Imported 1,500 entries to kv://main/*; 1,000 were there from an earlier run\n',
      stderr: 'Going on after 1,000 of 2,500 entries\nImported: 2,000 of 2,500\n',
    })
    // Two of what is left, and one that lists what is there.
    expect(world.api.requests.length - before).toBe(3)
    expect(world.namespace.keys()).toHaveLength(2500)
    await expect(access(join(world.folder, 'in.jsonl.import-state.json'))).rejects.toThrow('ENOENT')
  })

  test('import goes on after a first batch of which a part was written', async () => {
    let isBroken = true
    const world = await openWorld(({ path, method }) =>
      isBroken && path.endsWith('/bulk') && method === 'PUT'
        ? { type: 'keys', fails: (key) => /[5-9]$/.test(key) }
        : undefined,
    )
    await world.write('in.jsonl', lines(many(10)))
    const args = ['import', 'in.jsonl', 'kv://main/*', '--timeout', '1']
    const failed = await world.run(args)
    expect(failed.stderr).toMatch(
      /; 0 of 10 entries are done\nThe same command goes on from there\n$/,
    )
    expect(world.namespace.keys()).toHaveLength(5)
    isBroken = false
    // Somebody else's is not taken for what the first run wrote.
    world.namespace.put('user-00007', { value: 'theirs' })
    const refused = await world.run(args)
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('1 key of 10 is there already, such as "user-00007"')
    world.namespace.delete('user-00007')
    expect(await world.run(args)).toMatchObject({ exitCode: 0 })
    expect(world.namespace.keys()).toHaveLength(10)
  })

  test('an import that goes on looks at what is there by now', async () => {
    const world = await openWorld(({ path, body }) =>
      path.endsWith('/bulk') && new TextDecoder().decode(body).includes('user-01400')
        ? { type: 'status', status: 403 }
        : undefined,
    )
    await world.write('in.jsonl', lines(many(1500)))
    const args = ['import', 'in.jsonl', 'kv://main/*']
    await world.run(args)
    world.namespace.put('user-01200', { value: 'theirs' })
    const refused = await world.run(args)
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('1 key of 1,500 is there already, such as "user-01200"')
    const planned = await world.run([...args, '--keep-existing', '--dry-run'])
    expect(planned.stdout).toBe(
      'Would import 499 entries to kv://main/*, of which 0 over keys that are there\n',
    )
    await world.write('web.yaml', 'port: 1\n')
    await world.run(['push', 'web.yaml', 'kv://main/user-01300'])
    const published = await world.run([...args, '--overwrite'])
    expect(published).toMatchObject({ exitCode: 4, stdout: '' })
    expect(published.stderr).toContain(
      '1 key of 1,500 is a published configuration, with versions, such as "user-01300"',
    )
    expect(world.namespace.text('user-01200')).toBe('theirs')
  })

  test('import writes over no published configuration', async () => {
    const world = await openWorld()
    await world.write('web.yaml', 'port: 1\n')
    await world.run(['push', 'web.yaml', 'kv://main/production/web'])
    await world.run(['export', 'kv://main/production/*', 'out.jsonl'])
    const args = ['import', 'out.jsonl', 'kv://main/production/*', '--overwrite']
    // As it is: nothing is lost.
    expect(await world.run(args)).toMatchObject({ exitCode: 0 })
    await world.write('web.yaml', 'port: 2\n')
    await world.run(['push', 'web.yaml', 'kv://main/production/web'])
    const before = world.namespace.text('production/web')
    const refused = await world.run(args)
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('is a published configuration, with versions, such as "web"')
    expect(world.namespace.text('production/web')).toBe(before)
    // A later format, or a part of one.
    world.namespace.put('production/web', { value: '{"codexConfig":' })
    expect(await world.run(args)).toMatchObject({ exitCode: 4, stdout: '' })
    expect(await world.run([...args.slice(0, 3), '--keep-existing'])).toMatchObject({ exitCode: 0 })
  })

  test('import looks at values one by one that are too large together', async () => {
    const world = await openWorld(({ path }) =>
      path.endsWith('/bulk/get') ? { type: 'status', status: 413 } : undefined,
    )
    for (const { key } of many(3)) world.namespace.put(key, { value: 'before' })
    await world.write('in.jsonl', lines(many(3)))
    const done = await world.run(['import', 'in.jsonl', 'kv://main/*', '--overwrite'])
    expect(done).toMatchObject({ exitCode: 0, stderr: '' })
    expect(world.namespace.text('user-00002')).toBe('value 2')
  })

  test('SIGINT ends an import with what is done, and the next run goes on', async () => {
    const world = await openWorld(({ path, body }) =>
      path.endsWith('/bulk') && new TextDecoder().decode(body).includes('user-01500')
        ? { type: 'slow', delayMs: 600_000 }
        : undefined,
    )
    await world.write('in.jsonl', lines(many(2000)))
    const running = world.start(['import', 'in.jsonl', 'kv://main/*'])
    await running.until('stderr', /Imported: 1,000 of 2,000/)
    running.signal('SIGINT')
    const { exitCode, stderr } = await running.ended
    expect(exitCode).toBe(130)
    expect(stderr).toContain(
      'Interrupted: 1,000 of 2,000 entries are done\nThe same command goes on',
    )
    expect(JSON.parse(await world.read('in.jsonl.import-state.json'))).toMatchObject({ done: 1000 })
  })

  test('a changed input does not go on with what was done of another', async () => {
    const world = await openWorld()
    await world.write('in.jsonl', lines(many(3)))
    await world.write(
      'in.jsonl.import-state.json',
      JSON.stringify({ uri: 'kv://main/*', sha256: 'another', done: 2 }),
    )
    const refused = await world.run(['import', 'in.jsonl', 'kv://main/*'])
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('an earlier run that was not finished was of other entries')
    expect(world.namespace.keys()).toEqual([])
    const again = await world.run(['import', 'in.jsonl', 'kv://main/*', '--restart'])
    expect(again).toMatchObject({ exitCode: 0 })
    expect(world.namespace.keys()).toHaveLength(3)
  })

  test('import writes over nothing that is there unless it is told to', async () => {
    const world = await openWorld()
    world.namespace.put('b', { value: 'theirs' })
    await world.write(
      'in.jsonl',
      lines([
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ]),
    )
    const args = ['import', 'in.jsonl', 'kv://main/*']
    const refused = await world.run(args)
    expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refused.stderr).toContain('1 key of 2 is there already, such as "b"')
    expect(world.namespace.keys()).toEqual(['b'])
    const planned = await world.run([...args, '--overwrite', '--dry-run'])
    expect(planned.stdout).toBe(
      'Would import 2 entries to kv://main/*, of which 1 over keys that are there\n',
    )
    expect(world.namespace.keys()).toEqual(['b'])
    await world.run([...args, '--keep-existing'])
    expect([world.namespace.text('a'), world.namespace.text('b')]).toEqual(['1', 'theirs'])
    await world.run([...args, '--overwrite'])
    expect([world.namespace.text('a'), world.namespace.text('b')]).toEqual(['1', '2'])
  })

  test('import writes nothing when anything is wrong with what it was given', async () => {
    const world = await openWorld()
    const stdin = `${lines([{ key: 'a', value: 'ok' }])}{"key":"b"}\n{"key":"c","value":"hunter2",}\n${lines(
      [
        { key: 'a', value: 'again' },
        { key: 'x'.repeat(513), value: '' },
      ],
    )}`
    const refused = await world.run(['import', '-', 'kv://main/*'], { stdin })
    expect(refused).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: [
        'codex-config: Cannot import: 4 faults',
        '  (root): value must be a text (-:2)',
        '  (root): it must be an object of JSON (-:3)',
        '  (root): key "a" is there twice (-:4)',
        '  (root): key must be Unicode of at most 512 bytes with its prefix (-:5)',
        '',
      ].join('\n'),
    })
    expect(world.api.requests).toHaveLength(0)
  })

  test('a folder holds a file for each key, and brings it back', async () => {
    const world = await openWorld()
    world.namespace.put('production/web.yaml', { value: 'port: 80\n', metadataJson: '{"a":1}' })
    world.namespace.put('production/eu/web.yaml', { value: 'port: 81\n' })
    const exported = await world.run(['export', 'kv://main/production/', 'out/'])
    expect(exported).toMatchObject({
      exitCode: 0,
      stderr: '1 entry has metadata or an expiration, which a folder does not hold\n',
    })
    expect(await world.read('out/eu/web.yaml')).toBe('port: 81\n')
    const imported = await world.run(['import', 'out', 'kv://main/copy/'])
    expect(imported.stdout).toBe('Imported 2 entries to kv://main/copy/*\n')
    expect(world.namespace.text('copy/eu/web.yaml')).toBe('port: 81\n')
    const again = await world.run(['export', 'kv://main/production/', 'out/'])
    expect(again).toMatchObject({ exitCode: 4 })
  })

  test('no file is written through a link that leads out of the folder', async () => {
    const world = await openWorld()
    world.namespace.put('settings/link/a', { value: 'x' })
    await mkdir(join(world.folder, 'elsewhere'))
    await mkdir(join(world.folder, 'out'))
    await symlink(join(world.folder, 'elsewhere'), join(world.folder, 'out/link'))
    const { exitCode, stderr } = await world.run([
      ...['export', 'kv://main/settings/', 'out/', '--overwrite'],
    ])
    expect(exitCode).toBe(1)
    expect(stderr).toContain('a link leads out of the folder')
    await expect(access(join(world.folder, 'elsewhere/a'))).rejects.toThrow('ENOENT')
  })

  test('import leaves out what has expired', async () => {
    const world = await openWorld()
    const stdin = lines([
      { key: 'a', value: '1', expiration: 1_000_000_000 },
      { key: 'b', value: '2' },
    ])
    const { stdout } = await world.run(['import', '-', 'kv://main/*'], { stdin })
    expect(stdout).toBe('Imported 1 entry to kv://main/*; 1 had expired\n')
    expect(world.namespace.keys()).toEqual(['b'])
  })

  test.each(['../out', 'a//b', 'a/', '.codex-config-export.json', 'a\\b', 'a\nb'])(
    'no file is written for the key %j',
    async (key) => {
      const world = await openWorld()
      world.namespace.put(`settings/${key}`, { value: 'x' })
      const { exitCode, stderr } = await world.run(['export', 'kv://main/settings/', 'out/'])
      expect(exitCode).toBe(1)
      expect(stderr).toContain('A file of JSON lines takes every key')
      expect(stderr).not.toContain('a\nb')
    },
  )

  test('export goes on after a failure in the middle, to the same file', async () => {
    let isBroken = true
    let lists = 0
    const world = await openWorld(({ path }) => {
      if (!path.includes('/keys')) return undefined
      lists++
      return isBroken && path.includes('cursor=') ? { type: 'status', status: 403 } : undefined
    })
    const entries = many(1500)
    for (const { key, value } of entries) world.namespace.put(key, { value })
    const args = ['export', 'kv://main/*', 'out.jsonl']
    const failed = await world.run(args)
    expect(failed.exitCode).toBe(4)
    expect(failed.stderr).toContain('; 1,000 entries are exported\nThe same command goes on')
    await expect(access(join(world.folder, 'out.jsonl'))).rejects.toThrow('ENOENT')
    isBroken = false
    lists = 0
    // As a crash leaves it, after a page that was not kept.
    await appendFile(join(world.folder, 'out.jsonl.part'), 'x'.repeat(200_000))
    const done = await world.run(args)
    expect(done).toMatchObject({ exitCode: 0 })
    expect(done.stderr).toContain('Going on after 1,000 entries\n')
    expect(lists).toBe(1)
    expect(await world.read('out.jsonl')).toBe(lines(entries))
  })
})
