import { describe, expect, test } from 'vitest'
import { ConfigError } from '../config-error.ts'
import type { ConfigSource, SourceDocument } from '../config-source.ts'

/** A place that sources read from, with what is needed to try them. */
interface SourceWorld {
  /** Stores a text under a name, over what is there. */
  put(name: string, content: string | Uint8Array): Promise<void> | void
  delete(name: string): Promise<void> | void
  /** The source of a name, a new one at each call. */
  open(name: string): ConfigSource
  /** Makes every answer from now on a failure, as of a server that is broken. */
  fail?(): void
  /** Makes every answer from now on stay away. */
  hang?(): void
}

interface ContractOptions {
  readonly createWorld: () => Promise<SourceWorld> | SourceWorld
  /** What its world cannot be made to do. Default: nothing. */
  readonly cannot?: readonly ('fail' | 'hang')[]
}

const encoder = new TextEncoder()
const maxBytes = 1_048_576
const never = new AbortController().signal

const hostileNames = [
  'a b.yaml',
  'a+b.yaml',
  'ä/é.yaml',
  'emoji/😀.yaml',
  '100%.yaml',
  '%2e%2e',
  '%2F',
  'what?.yaml',
  'a#b.yaml',
  'a&b=c;d.yaml',
  'star*',
  '...',
  "it's (not).yaml",
  '[a]{b}^`|<>"\\',
  '__proto__',
  '1',
] as const

async function load(source: ConfigSource, signal = never): Promise<readonly SourceDocument[]> {
  return source.load({ signal })
}

async function textOf(source: ConfigSource): Promise<string | undefined> {
  const [document, ...others] = await load(source)
  expect(others).toEqual([])
  expect(document?.uri).toBe(source.uri)
  return document !== undefined && 'text' in document ? document.text : undefined
}

async function rejection(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => {
      throw new Error('It did not fail')
    },
    (error: unknown) => error,
  )
}

async function failureOf(source: ConfigSource): Promise<ConfigError> {
  const error = await rejection(load(source))
  expect(error).toBeInstanceOf(ConfigError)
  const failure = error as ConfigError
  expect(failure.operation).toBe('load')
  expect(failure.message).toMatch(/^Cannot load /)
  expect(failure.message).toContain(source.uri)
  return failure
}

/** What every source that gives texts does, wherever they come from. */
export function describeSource(name: string, options: ContractOptions): void {
  const { createWorld, cannot = [] } = options

  describe(`a source in ${name}`, () => {
    test('gives the text that is there, and its syntax by its name', async () => {
      const world = await createWorld()
      await world.put('web.yaml', 'port: 8080\n')
      await world.put('web.json', '{"port": 8080}')
      expect(await load(world.open('web.yaml'))).toMatchObject([
        { text: 'port: 8080\n', syntax: 'yaml' },
      ])
      expect(await load(world.open('web.json'))).toMatchObject([
        { text: '{"port": 8080}', syntax: 'json' },
      ])
    })

    test('gives every character of it, and no byte order mark', async () => {
      const world = await createWorld()
      const text = 'ä 😀 \u0000 \u2028 \r\n\t€\uFFFD'
      await world.put('web.yaml', `\uFEFF${text}`)
      expect(await textOf(world.open('web.yaml'))).toBe(text)
    })

    test('gives an empty text', async () => {
      const world = await createWorld()
      await world.put('empty.yaml', '')
      expect(await textOf(world.open('empty.yaml'))).toBe('')
    })

    test('says that there is none', async () => {
      const world = await createWorld()
      const failure = await failureOf(world.open('none.yaml'))
      expect(failure).toMatchObject({ code: 'not_found', retryable: false })
    })

    test('gives what was put since, and says that it was deleted', async () => {
      const world = await createWorld()
      await world.put('web.yaml', 'a: 1')
      const source = world.open('web.yaml')
      expect(await textOf(source)).toBe('a: 1')
      expect(await textOf(source)).toBe('a: 1')
      await world.put('web.yaml', 'a: 2')
      expect(await textOf(source)).toBe('a: 2')
      await world.delete('web.yaml')
      expect(await failureOf(source)).toMatchObject({ code: 'not_found' })
      await world.put('web.yaml', 'a: 3')
      expect(await textOf(source)).toBe('a: 3')
    })

    test('takes a text of 1 MiB, and not a byte more', async () => {
      const world = await createWorld()
      await world.put('large.yaml', `#${'ä'.repeat((maxBytes - 2) / 2)}x`)
      expect(encoder.encode(await textOf(world.open('large.yaml'))).byteLength).toBe(maxBytes)
      await world.put('large.yaml', `#${'ä'.repeat((maxBytes - 2) / 2)}xy`)
      const failure = await failureOf(world.open('large.yaml'))
      expect(failure).toMatchObject({ code: 'too_large', retryable: false })
    })

    test('refuses what is not UTF-8', async () => {
      const world = await createWorld()
      await world.put('latin.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe4))
      const source = world.open('latin.yaml')
      expect(await failureOf(source)).toMatchObject({
        code: 'corrupt',
        faults: [{ path: '', reason: 'it must be UTF-8', origin: { uri: source.uri } }],
      })
    })

    test('tells names apart, whatever is in them', async () => {
      const world = await createWorld()
      for (const each of hostileNames) await world.put(each, `name: ${each}`)
      for (const each of hostileNames) expect(await textOf(world.open(each))).toBe(`name: ${each}`)
      expect(new Set(hostileNames.map((each) => world.open(each).uri)).size).toBe(
        hostileNames.length,
      )
    })

    test('serves many loads at once', async () => {
      const world = await createWorld()
      await world.put('web.yaml', 'a: 1')
      const source = world.open('web.yaml')
      const texts = await Promise.all(Array.from({ length: 20 }, () => textOf(source)))
      expect(new Set(texts)).toEqual(new Set(['a: 1']))
    })

    test('does not begin for a caller who has gone', async () => {
      const world = await createWorld()
      const reason = new Error('Nobody waits')
      const source = world.open('web.yaml')
      expect(await rejection(load(source, AbortSignal.abort(reason)))).toBe(reason)
    })
  })

  if (!cannot.includes('fail')) {
    test(`a source in ${name} that fails is unavailable`, async () => {
      const world = await createWorld()
      await world.put('web.yaml', 'a: 1')
      const source = world.open('web.yaml')
      world.fail?.()
      const failure = await failureOf(source)
      expect(failure).toMatchObject({ code: 'unavailable', retryable: true })
    })
  }

  if (cannot.includes('hang')) return
  describe(`a source in ${name} that does not answer`, () => {
    test('ends when its caller does not wait any longer', async () => {
      const world = await createWorld()
      await world.put('web.yaml', 'a: 1')
      const source = world.open('web.yaml')
      world.hang?.()
      const reason = new Error('Nobody waits')
      const caller = new AbortController()
      const loaded = rejection(load(source, caller.signal))
      caller.abort(reason)
      expect(await loaded).toBe(reason)
    })

    test('times out when its time is over', async () => {
      const world = await createWorld()
      const source = world.open('web.yaml')
      world.hang?.()
      const caller = new AbortController()
      const loaded = rejection(load(source, caller.signal))
      caller.abort(new DOMException('Time is over', 'TimeoutError'))
      expect(await loaded).toMatchObject({ code: 'timed_out', retryable: true })
    })
  })
}
