import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEdgeSimulator } from '../src/testing.ts'
import { type KVMethodName, observe } from './support/observe-kv.ts'

// The same random calls on the local KV of workerd and on the simulator give the same answers. A short run with a fixed
// seed in every test run; `pnpm test:fuzz` for a long one with a seed of its own.

interface FuzzEnvironment {
  readonly VITE_KV_FUZZ_RUNS?: string
  readonly VITE_KV_FUZZ_SEED?: string
}

const { VITE_KV_FUZZ_RUNS, VITE_KV_FUZZ_SEED } = (
  import.meta as unknown as { readonly env: FuzzEnvironment }
).env
const isLong = VITE_KV_FUZZ_RUNS !== undefined
const numRuns = Number(VITE_KV_FUZZ_RUNS ?? 50)
const seed = VITE_KV_FUZZ_SEED === undefined ? (isLong ? Date.now() : 3) : Number(VITE_KV_FUZZ_SEED)

interface Step {
  readonly method: KVMethodName
  /** Made anew for each side: a stream is read once. */
  readonly createArgs: () => readonly unknown[]
  readonly shown: string
}

const oddKeys = [
  ...['a', 'b', 'a/b', 'a%2Fb', 'é', '😀', '\uFFEE', '\uFEFFk', ' ', 'a b', '+', '%', '?', '#'],
  ...['0', '1', '42', '007', '-1', '1.5', '4294967294', '4294967295', '__proto__', 'constructor'],
  ...[
    '',
    '.',
    '..',
    './',
    '../a',
    '\uD800',
    'a\uDC00b',
    'a\u0000b',
    'bulk/get',
    'null',
    'undefined',
  ],
  ...['k'.repeat(512), 'k'.repeat(513), 'é'.repeat(256), 'é'.repeat(257)],
]
const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...oddKeys) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, undefined, 5, true, {}) },
)

const jsonText = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.constantFrom('', 'null', '0', '-0', '1e400', '""', '{"__proto__":1}', '\uFEFF1', 'no json'),
)
const body = fc.oneof(
  { weight: 4, arbitrary: jsonText.map((text) => (): unknown => text) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary' }).map((text) => (): unknown => text) },
  {
    weight: 2,
    arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => (): unknown => bytes.slice()),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.uint8Array({ minLength: 1, maxLength: 5 }), { maxLength: 3 })
      .map((chunks) => (): unknown => createStream(chunks)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<unknown>(undefined, null, 5, -0, true, {}, [1], new Date(0))
      .map((value) => (): unknown => value),
  },
)

const seconds = fc.constantFrom<unknown>(
  ...[undefined, 60, 60.9, 100_000, '70', 59, 0, -1, NaN, null, 2 ** 31, true],
)
const putOptions = fc.option(
  fc.record(
    {
      expirationTtl: seconds,
      // An absolute time in the past or far ahead: those between are a matter of the machine's clock.
      expiration: fc.constantFrom<unknown>(undefined, 1, 2_147_000_000, NaN, 2 ** 31),
      metadata: fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom(undefined, 'x'.repeat(1100)),
      ),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
)

const type = fc.constantFrom<unknown>(
  ...[undefined, undefined, 'text', 'json', 'json', 'arrayBuffer', 'stream', 'xml', '', null],
)
const readOptions = fc.oneof(
  { weight: 3, arbitrary: type },
  { weight: 1, arbitrary: fc.record({ type, cacheTtl: seconds }, { requiredKeys: [] }) },
)

const listOptions = fc.record(
  {
    // Without NUL, where SQLite ends a prefix: see docs/edge-simulator.md.
    prefix: fc.constantFrom<unknown>(undefined, null, '', 'a', 'é', '4', '\uD800', '😀', 5),
    limit: fc.constantFrom<unknown>(undefined, 0, 1, 2, 3, 1000, 1001, -1, NaN, 1.9),
    cursor: fc.constantFrom<unknown>(undefined, null, '', btoa('a'), '!', 'YQ', 'YWI', 'w6k='),
  },
  { requiredKeys: [] },
)

function createStream(chunks: readonly Uint8Array[]): ReadableStream {
  return new ReadableStream({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(chunk.slice())
      controller.close()
    },
  })
}

function toStep(method: KVMethodName, createArgs: () => readonly unknown[]): Step {
  return { method, createArgs, shown: `${method}(${fc.stringify(createArgs()).slice(1, -1)})` }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(key, body, putOptions)
      .map(([name, create, options]) => toStep('put', () => [name, create(), options])),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('get' as const, 'getWithMetadata' as const), key, readOptions)
      .map(([method, name, options]) => toStep(method, () => [name, options])),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('get' as const, 'getWithMetadata' as const),
        fc.array(key, { maxLength: 6 }),
        readOptions,
      )
      .map(([method, names, options]) => toStep(method, () => [names, options])),
  },
  { weight: 2, arbitrary: key.map((name) => toStep('delete', () => [name])) },
  { weight: 2, arbitrary: listOptions.map((options) => toStep('list', () => [options])) },
)

test(
  'random calls give what the local KV of the runtime gives',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        await deleteAll(env.KV)
        const simulator = createEdgeSimulator({
          locations: ['AMS'],
          consistency: 'strong',
          clock: { now: () => Date.now(), setTimeout },
        })
        const kv = simulator.location('AMS').kv('KV')
        for (const { method, createArgs, shown } of steps) {
          const expected = withoutTimes(await observe(env.KV, method, ...createArgs()))
          const actual = withoutTimes(await observe(kv, method, ...createArgs()))
          expect({ shown, ...actual }).toEqual({ shown, ...expected })
        }
        expect(withoutTimes(await listAll(kv))).toEqual(withoutTimes(await listAll(env.KV)))
      }),
      { numRuns, seed },
    )
  },
  isLong ? 3_600_000 : 60_000,
)

async function deleteAll(kv: KVNamespace): Promise<void> {
  const { keys } = await kv.list()
  await Promise.all(keys.map(({ name }) => kv.delete(name)))
}

/** Every page of two keys, with the value behind each key. */
async function listAll(kv: KVNamespace): Promise<object> {
  const pages: unknown[] = []
  let page = await kv.list({ limit: 2 })
  for (; !page.list_complete; page = await kv.list({ limit: 2, cursor: page.cursor })) {
    pages.push(page)
  }
  const { keys } = await kv.list()
  const values = keys.map(({ name }) => observe(kv, 'getWithMetadata', name, 'arrayBuffer'))
  return { pages: [...pages, page], values: await Promise.all(values) }
}

/** The two sides ask the time one after the other, so that only whether a key expires can be compared. */
function withoutTimes(observed: object): object {
  const text = JSON.stringify(observed, (name, value: unknown) => {
    if (name === 'expiration' && typeof value === 'number') return 'some time'
    const isJson = typeof value !== 'number' || Number.isFinite(value)
    // JSON has no -0 either.
    return isJson && !Object.is(value, -0) ? value : fc.stringify(value)
  })
  return JSON.parse(text) as object
}
