import { describe, expect, test } from 'vitest'
import type { ConfigTree, ConfigValue } from '../config-tree.ts'
import { Secret } from '../secret.ts'
import { annotate, toPlain } from './config-node.ts'
import { type ListRules, mergeLayers } from './merge-layers.ts'

function merge(layers: readonly ConfigTree[], lists: ListRules = {}): unknown {
  const nodes = layers.map((tree, index) => annotate(tree, () => ({ uri: `layer:${index}` })))
  return toPlain(mergeLayers(nodes, { lists }), ({ value }) => value)
}

/** RFC 7396, appendix A, as far as both are maps; `patched` where a null does not remove, as it does there. */
const patches: readonly [original: ConfigTree, patch: ConfigTree, result: ConfigTree][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, { a: null }],
  [{ a: 'b', b: 'c' }, { a: null }, { a: null, b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd', c: null } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: { ccc: null } } }],
  [{ a: null }, { a: { b: 1 } }, { a: { b: 1 } }],
  [{ a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
  [{ a: { b: 1 } }, { a: [] }, { a: [] }],
]

test.each(patches)('%j under %j is %j', (original, patch, result) => {
  expect(merge([original, patch])).toStrictEqual(result)
})

describe('lists', () => {
  const base = [{ name: 'a', x: 1, tags: ['p'] }, { name: 'b' }, 'loose']
  const over = [{ name: 'b', y: 2 }, { name: 'c' }, { name: 'a', x: 3, tags: ['q'] }, 'loose']
  test.each<[name: string, ConfigValue, ConfigValue, ListRules, ConfigValue]>([
    ['are replaced', [1, 2], [3], {}, [3]],
    ['are replaced by an empty one', [1], [], {}, []],
    ['append', [1, 2], [2, 3], { l: 'append' }, [1, 2, 2, 3]],
    ['append to an empty one', [], [1], { l: 'append' }, [1]],
    ['prepend', [1, 2], [3], { l: 'prepend' }, [3, 1, 2]],
    [
      'unique',
      [1, { a: 1, b: 2 }],
      [{ b: 2, a: 1 }, '1', 1],
      { l: 'unique' },
      [1, { a: 1, b: 2 }, '1'],
    ],
    [
      'merge by name',
      base,
      over,
      { l: { mergeBy: 'name' } },
      [{ name: 'a', x: 3, tags: ['q'] }, { name: 'b', y: 2 }, 'loose', { name: 'c' }, 'loose'],
    ],
    [
      'merge by name, and a rule within',
      base,
      over,
      { l: { mergeBy: 'name' }, 'l.*.tags': 'append' },
      [{ name: 'a', x: 3, tags: ['p', 'q'] }, { name: 'b', y: 2 }, 'loose', { name: 'c' }, 'loose'],
    ],
    ['a null replaces', [1], null, { l: 'append' }, null],
    ['a rule of another path does not count', [1], [2], { 'l.x': 'append', '*.l': 'append' }, [2]],
    ['a star is any name', [1], [2], { '*': 'append' }, [1, 2]],
    ['the first rule that fits counts', [1], [2], { '*': 'append', l: 'prepend' }, [1, 2]],
  ])('%s', (_, under, above, rules, result) => {
    expect(merge([{ l: under }, { l: above }], rules)).toStrictEqual({ l: result })
  })

  test('of services that each layer adds to, as in the Collector of OpenTelemetry', () => {
    const rules: ListRules = {
      'service.extensions': 'unique',
      'service.pipelines.*.receivers': 'append',
      'service.pipelines.*.exporters': 'append',
    }
    const layers: ConfigTree[] = [
      {
        receivers: { nop: null },
        service: {
          extensions: ['health'],
          pipelines: { traces: { receivers: ['nop'], processors: ['a'], exporters: ['nop'] } },
        },
      },
      {
        receivers: { otlp: { port: 4317 } },
        service: {
          extensions: ['health', 'pprof'],
          pipelines: {
            traces: { receivers: ['otlp'], processors: ['b'] },
            metrics: { receivers: ['otlp'] },
          },
        },
      },
      { receivers: { otlp: { host: 'x' } }, service: { extensions: [] } },
    ]
    expect(merge(layers, rules)).toStrictEqual({
      receivers: { nop: null, otlp: { port: 4317, host: 'x' } },
      service: {
        extensions: ['health', 'pprof'],
        pipelines: {
          traces: { receivers: ['nop', 'otlp'], processors: ['b'], exporters: ['nop'] },
          metrics: { receivers: ['otlp'] },
        },
      },
    })
  })
})

test('no layers are an empty map', () => {
  expect(merge([])).toStrictEqual({})
})

test('secrets are the same where their texts are', () => {
  const merged = merge(
    [{ l: [new Secret('one')] }, { l: [new Secret('one'), new Secret('two'), 'one'] }],
    { l: 'unique' },
  ) as { l: unknown[] }
  expect(merged.l).toHaveLength(3)
})

test('names that mean something elsewhere are merged like others', () => {
  const under = JSON.parse('{"__proto__": {"a": 1}}') as ConfigTree
  const over = JSON.parse('{"__proto__": {"b": 2}, "constructor": 3}') as ConfigTree
  const merged = merge([under, over]) as object
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
  expect(JSON.stringify(merged)).toBe('{"__proto__":{"a":1,"b":2},"constructor":3}')
  expect(({} as Record<string, unknown>).b).toBeUndefined()
})

test('what was overridden is known, nearest first, with a warning where kinds differ', () => {
  const layers = [{ a: 1 }, { a: 2 }, { a: { b: 3 } }].map((tree, index) =>
    annotate(tree, () => ({ uri: `layer:${index}` })),
  )
  const merged = mergeLayers(layers)
  const node = merged.kind === 'map' ? merged.entries.get('a') : undefined
  expect(node?.origin).toStrictEqual({ uri: 'layer:2' })
  expect(node?.warning).toBe('A map replaced a single value')
  expect(node?.overrode.map(({ origin }) => origin.uri)).toStrictEqual(['layer:1', 'layer:0'])
})
