import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ConfigDocument, ConfigRelease } from './config-document.ts'
import { ConfigError } from './config-error.ts'
import {
  chooseRelease,
  digestBody,
  parseConfigDocument,
  readConfigDocument,
  type ReadDocument,
} from './read-config-document.ts'

const uri = 'kv://main/web'
const body = 'port: 8080\n'

async function createRelease(
  version: number,
  text: string,
  more: Partial<ConfigRelease> = {},
): Promise<ConfigRelease> {
  const digest = await digestBody(text)
  return {
    version,
    parent: version - 1,
    ...digest,
    syntax: 'yaml',
    author: 'ada',
    atMs: 1000,
    body: text,
    ...more,
  }
}

async function createDocument(more: Partial<ConfigDocument> = {}): Promise<ConfigDocument> {
  return {
    codexConfig: 1,
    name: 'web',
    version: 3,
    changedAtMs: 1000,
    stable: await createRelease(2, body),
    history: [],
    ...more,
  }
}

function read(
  document: unknown,
  options: { unit?: string; minVersion?: number; bodies?: Record<string, string> } = {},
): Promise<ReadDocument | null> {
  const { bodies = {}, ...more } = options
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  return readConfigDocument(text, {
    uri,
    ...more,
    readBody: (sha256) => Promise.resolve(bodies[sha256] ?? null),
  })
}

async function errorOf(call: Promise<unknown>): Promise<ConfigError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ConfigError)
  return error as ConfigError
}

describe('a published document', () => {
  test('gives the text of its stable release', async () => {
    expect(await read(await createDocument())).toMatchObject({
      text: body,
      release: { version: 2 },
      document: { version: 3 },
    })
  })

  test('gives a body that is beside it', async () => {
    const { body: text = '', ...stable } = await createRelease(2, 'large: true')
    const document = await createDocument({ stable })
    const found = await read(document, { bodies: { [stable.sha256]: text } })
    expect(found?.text).toBe('large: true')
  })

  test('is unavailable and not missing while its body is not there', async () => {
    const { body: _text, ...stable } = await createRelease(2, 'large: true')
    const error = await errorOf(read(await createDocument({ stable })))
    expect(error).toMatchObject({ code: 'unavailable', retryable: true })
    expect(error.message).toBe(
      'Cannot load kv://main/web: the body of version 2 was wanted, received none',
    )
  })

  test('whose body is another one is corrupt', async () => {
    const stable = await createRelease(2, body)
    for (const wrong of [
      { ...stable, body: 'port: 8081\n' },
      { ...stable, bytes: stable.bytes + 1 },
      { ...stable, body: '' },
    ]) {
      expect(await errorOf(read(await createDocument({ stable: wrong })))).toMatchObject({
        code: 'corrupt',
        faults: [{ path: '', origin: { uri } }],
      })
    }
    const { body: _text, ...beside } = stable
    const bodies = { [stable.sha256]: body.slice(0, -1) }
    const document = await createDocument({ stable: beside })
    expect((await errorOf(read(document, { bodies }))).code).toBe('corrupt')
  })

  test('whose body has half a character is corrupt, though its bytes have the hash', async () => {
    const stable = await createRelease(2, 'a: "\ud800"')
    expect((await errorOf(read(await createDocument({ stable })))).code).toBe('corrupt')
  })

  test('is refused below the version that was seen', async () => {
    const document = await createDocument()
    expect(await read(document, { minVersion: 3 })).not.toBeNull()
    const error = await errorOf(read(document, { minVersion: 4 }))
    expect(error.code).toBe('outdated')
    expect(error.message).toBe(
      'Cannot load kv://main/web: version 4 or later was wanted, received 3',
    )
  })

  test('is not followed by a plain text', async () => {
    expect(await read('port: 8080')).toBeNull()
    expect((await errorOf(read('port: 8080', { minVersion: 1 }))).code).toBe('corrupt')
    expect((await errorOf(read('', { minVersion: 1 }))).code).toBe('corrupt')
  })

  test('is refused wherever it is cut off', async () => {
    const text = JSON.stringify(await createDocument())
    for (let length = '{"codexConfig"'.length; length < text.length; length++) {
      expect((await errorOf(read(text.slice(0, length)))).code).toBe('corrupt')
    }
  })

  test('says all that is wrong with it, without a value', async () => {
    const document = await createDocument()
    const broken = {
      ...document,
      stable: { ...document.stable, sha256: 'hunter2', bytes: -1, author: 7 },
      candidate: { release: null, percentage: 101 },
      history: [{ ...document.stable, version: 9 }],
    }
    const error = await errorOf(read(broken))
    expect(error.faults.map(({ path }) => path)).toEqual([
      'stable.sha256',
      'stable.bytes',
      'stable.author',
      'candidate.release',
      'candidate.percentage',
      'history[0].version',
    ])
    expect(error.message).toContain('and 5 more')
    expect(JSON.stringify(error) + error.message).not.toContain('hunter2')
  })

  test.each<[string, object]>([
    ['another format', { codexConfig: 2 }],
    ['no name', { name: '' }],
    ['no version', { version: 0 }],
    ['a version that is no number', { version: '3' }],
    ['no stable release', { stable: undefined }],
    ['an empty stable release', { stable: {} }],
    ['a release of the future', { version: 1 }],
    ['a syntax that is not known', { stable: { syntax: 'toml' } }],
    ['no history', { history: undefined }],
    ['too much history', { history: Array.from({ length: 51 }, () => ({})) }],
    ['an empty candidate', { candidate: {} }],
  ])('with %s is corrupt', async (_name, more) => {
    const document = await createDocument()
    expect((await errorOf(read({ ...document, ...more }))).code).toBe('corrupt')
  })
})

describe('a plain text', () => {
  test.each(['', 'a: 1', '{}', '{"a": 1}', '{"a": ', '[]', '# {"codexConfig"', 'null', '{a: 1}'])(
    'is none: %j',
    (text) => {
      expect(parseConfigDocument(text, uri)).toBeNull()
    },
  )

  test('is never taken for a document that could be loaded', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseConfigDocument(json, uri)).toBeNull()
      }),
      { seed: 7, numRuns: 200 },
    )
  })
})

describe('a rollout', () => {
  test('gives the candidate to so many of a hundred readers, and the same ones more of it', async () => {
    const candidate = await createRelease(3, 'port: 9090\n')
    const units = Array.from({ length: 2000 }, (_, index) => `pod-${index}`)
    const readersOf = async (percentage: number): Promise<Set<string>> => {
      const document = await createDocument({ candidate: { release: candidate, percentage } })
      return new Set(units.filter((unit) => chooseRelease(document, unit).version === 3))
    }
    expect((await readersOf(0)).size).toBe(0)
    const few = await readersOf(10)
    expect(few.size).toBeGreaterThan(150)
    expect(few.size).toBeLessThan(250)
    const more = await readersOf(50)
    expect([...few].every((unit) => more.has(unit))).toBe(true)
    expect((await readersOf(100)).size).toBe(2000)
  })

  test('is nothing to a reader without a name', async () => {
    const release = await createRelease(3, 'port: 9090\n')
    const document = await createDocument({ candidate: { release, percentage: 100 } })
    expect((await read(document))?.text).toBe(body)
    expect((await read(document, { unit: 'pod-1' }))?.text).toBe('port: 9090\n')
  })
})
