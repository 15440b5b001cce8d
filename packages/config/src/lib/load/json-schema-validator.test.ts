import { describe, expect, test } from 'vitest'
import type { JsonSchema } from './config-schema.ts'
import { createJsonSchemaValidator } from './json-schema-validator.ts'

function issuesOf(schema: JsonSchema, value: unknown): readonly string[] {
  const issues = createJsonSchemaValidator(schema).validate(value)
  return issues.map(({ path, reason }) => `${path.join('.')}: ${reason}`)
}

/** For each keyword: a schema, values that fit it, and values that do not. */
const keywords: Record<string, [schema: JsonSchema, fits: unknown[], fails: unknown[]]> = {
  true: [true, [1, null], []],
  false: [false, [], [1, null]],
  type: [{ type: ['integer', 'null'] }, [1, 1.0, null], [1.5, '1', true, {}]],
  integer: [{ type: 'integer' }, [0, -3], [0.5, '0']],
  object: [{ type: 'object' }, [{}], [[], null]],
  array: [{ type: 'array' }, [[]], [{}, '']],
  enum: [{ enum: [1, 'a', null, { b: [1] }] }, [1, 'a', null, { b: [1] }], [2, 'b', { b: [2] }]],
  const: [{ const: { a: 1 } }, [{ a: 1 }], [{ a: 2 }, {}, 1]],
  minimum: [{ minimum: 1 }, [1, 2, 'x'], [0.9]],
  maximum: [{ maximum: 1 }, [1, 0, 'x'], [1.1]],
  exclusiveMinimum: [{ exclusiveMinimum: 1 }, [1.1], [1, 0]],
  exclusiveMaximum: [{ exclusiveMaximum: 1 }, [0.9], [1, 2]],
  multipleOf: [{ multipleOf: 0.01 }, [0.07, 19.99, 5], [0.075]],
  minLength: [{ minLength: 2 }, ['ab', '😀😀', 1], ['a', '😀']],
  maxLength: [{ maxLength: 1 }, ['a', '😀', ''], ['ab']],
  pattern: [{ pattern: '^\\p{Lu}' }, ['Éa', 1], ['éa', '']],
  format: [{ format: 'ipv6' }, ['::1', 1], ['1:30', '::g']],
  formatDate: [{ format: 'date' }, ['2024-02-29'], ['2023-02-29', 'x']],
  formatUri: [{ format: 'uri' }, ['https://example.com/a?b#c'], ['/a', 'a b']],
  formatUnknown: [{ format: 'toString' }, ['x'], []],
  minItems: [{ minItems: 1 }, [[1], {}], [[]]],
  maxItems: [{ maxItems: 1 }, [[], [1]], [[1, 2]]],
  uniqueItems: [
    { uniqueItems: true },
    [
      [1, '1', true],
      [{ a: 1 }, { a: 2 }],
    ],
    [
      [1, 1],
      [{ a: 1 }, { a: 1 }],
    ],
  ],
  items: [{ items: { type: 'integer' } }, [[], [1, 2]], [['a'], [1, 'a']]],
  prefixItems: [{ prefixItems: [{ const: 1 }], items: false }, [[], [1]], [[2], [1, 2]]],
  contains: [{ contains: { const: 1 } }, [[1], [2, 1]], [[], [2]]],
  minContains: [{ contains: { const: 1 }, minContains: 2 }, [[1, 1]], [[1], []]],
  maxContains: [{ contains: { const: 1 }, maxContains: 1 }, [[1, 2]], [[1, 1], []]],
  unevaluatedItems: [
    { allOf: [{ prefixItems: [true] }], unevaluatedItems: false },
    [[], [1]],
    [[1, 2]],
  ],
  properties: [{ properties: { a: { type: 'string' } } }, [{}, { a: '' }, { b: 1 }], [{ a: 1 }]],
  required: [{ required: ['a', 'toString'] }, [{ a: 1, toString: 1 }], [{}, { a: 1 }]],
  patternProperties: [{ patternProperties: { '^x-': false } }, [{ a: 1 }], [{ 'x-a': 1 }]],
  additionalProperties: [
    { properties: { a: true }, patternProperties: { '^b': true }, additionalProperties: false },
    [{ a: 1, bb: 2 }],
    [{ c: 1 }],
  ],
  propertyNames: [{ propertyNames: { maxLength: 1 } }, [{ a: 1 }], [{ ab: 1 }]],
  minProperties: [{ minProperties: 1 }, [{ a: 1 }], [{}]],
  maxProperties: [{ maxProperties: 1 }, [{}], [{ a: 1, b: 1 }]],
  dependentRequired: [{ dependentRequired: { a: ['b'] } }, [{}, { a: 1, b: 1 }], [{ a: 1 }]],
  dependentSchemas: [
    { dependentSchemas: { a: { maxProperties: 1 } } },
    [{ a: 1 }],
    [{ a: 1, b: 1 }],
  ],
  unevaluatedProperties: [
    { allOf: [{ properties: { a: true } }], unevaluatedProperties: false },
    [{ a: 1 }],
    [{ a: 1, b: 1 }],
  ],
  allOf: [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1, 2], [0, 3]],
  anyOf: [{ anyOf: [{ type: 'string' }, { minimum: 2 }] }, ['a', 2], [1]],
  oneOf: [{ oneOf: [{ minimum: 1 }, { maximum: 2 }] }, [0, 3], [1, 2]],
  not: [{ not: { const: 1 } }, [2], [1]],
  if: [
    { if: { required: ['a'] }, then: { required: ['b'] }, else: { required: ['c'] } },
    [{ a: 1, b: 1 }, { c: 1 }],
    [{ a: 1 }, {}],
  ],
  $ref: [
    { $defs: { tree: { items: { $ref: '#/$defs/tree' }, type: 'array' } }, $ref: '#/$defs/tree' },
    [[], [[[]]]],
    [1, [[1]]],
  ],
  $anchor: [
    { $defs: { x: { $anchor: 'here', type: 'null' } }, items: { $ref: '#here' } },
    [[null]],
    [[1]],
  ],
  $id: [
    { $id: 'https://example.com/a', $defs: { x: { $id: 'b', type: 'null' } }, $ref: 'b' },
    [null],
    [1],
  ],
  annotations: [{ title: 'a', description: 'b', default: 1, examples: [1], 'x-own': 1 }, [2], []],
}

describe.each(Object.entries(keywords))('%s', (_, [schema, fits, fails]) => {
  test.each(fits.map((value) => [value]))('fits: %j', (value) => {
    expect(issuesOf(schema, value)).toStrictEqual([])
  })
  test.each(fails.map((value) => [value]))('fails: %j', (value) => {
    expect(issuesOf(schema, value)).not.toStrictEqual([])
  })
})

describe('a schema that is itself wrong', () => {
  test.each<[unknown, string]>([
    [null, 'at # a map, true or false was wanted, received null'],
    [{ type: 'int' }, 'at #/type array, boolean'],
    [{ type: [] }, 'at #/type'],
    [{ properties: { a: 1 } }, 'at #/properties/a a map, true or false was wanted, received 1'],
    [{ properties: [] }, 'at #/properties a map of schemas was wanted, received []'],
    [{ items: [true] }, 'at #/items a map, true or false was wanted, received [true]'],
    [{ allOf: [] }, 'at #/allOf a list of schemas was wanted, received []'],
    [{ anyOf: [true, 'x'] }, 'at #/anyOf/1'],
    [{ minLength: -1 }, 'at #/minLength an integer from 0 was wanted, received -1'],
    [{ minimum: '1' }, 'at #/minimum a number was wanted, received "1"'],
    [{ multipleOf: 0 }, 'at #/multipleOf a number above 0 was wanted, received 0'],
    [{ pattern: '(' }, 'at #/pattern a regular expression was wanted'],
    [{ patternProperties: { '(': true } }, 'at #/patternProperties a regular expression'],
    [{ required: 'a' }, 'at #/required a list of names was wanted, received "a"'],
    [{ dependentRequired: { a: 'b' } }, 'at #/dependentRequired/a a list of names was wanted'],
    [{ enum: 1 }, 'at #/enum a list was wanted'],
    [{ uniqueItems: 1 }, 'at #/uniqueItems true or false was wanted'],
    [{ title: 1 }, 'at #/title a text was wanted'],
    [{ $schema: 'http://json-schema.org/draft-07/schema#' }, 'at #/$schema https://json-schema'],
    [{ $dynamicRef: '#a' }, 'at #/$dynamicRef a keyword that is supported was wanted'],
    [{ additionalItems: false }, 'at #/additionalItems a keyword that is supported was wanted'],
    [{ $ref: '#/$defs/none' }, 'a $ref to something within it was wanted, received "#/$defs/none"'],
    [{ $ref: 'https://example.com/x' }, 'received "https://example.com/x"'],
    [{ $defs: { a: { $id: 'x' }, b: { $id: 'x' } } }, 'one schema for each $id was wanted'],
  ])('%j', (schema, message) => {
    const create = (): unknown => createJsonSchemaValidator(schema as JsonSchema)
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
  })

  test('a circle of references is no endless loop', () => {
    const validator = createJsonSchemaValidator({ $ref: '#' })
    expect(() => validator.validate(1)).toThrow(TypeError)
  })

  test('a schema is left as it was, and may be frozen', () => {
    const schema = Object.freeze({ $defs: Object.freeze({ a: true }), $ref: '#/$defs/a' })
    expect(issuesOf(schema, 1)).toStrictEqual([])
    expect(Object.getOwnPropertyNames(schema)).toStrictEqual(['$defs', '$ref'])
  })
})

test('each fault is told once, where it is', () => {
  const schema: JsonSchema = {
    $defs: { port: { type: 'integer', minimum: 1 } },
    properties: {
      server: {
        allOf: [{ properties: { port: { $ref: '#/$defs/port' } } }],
        properties: { 'a/b~c%': { type: 'null' }, list: { items: { type: 'string' } } },
        additionalProperties: false,
        required: ['host'],
      },
      mode: { anyOf: [{ const: 'a' }, { type: 'object', required: ['x'] }] },
    },
  }
  const value = { server: { port: 'x', 'a/b~c%': 1, list: ['a', 2], other: 1 }, mode: {} }
  expect(issuesOf(schema, value)).toStrictEqual([
    'server.port: Instance type "string" is invalid. Expected "integer"',
    'server: Instance does not have required property "host"',
    'server.a/b~c%: Instance type "number" is invalid. Expected "null"',
    'server.list.1: Instance type "number" is invalid. Expected "string"',
    'server.port: It must not be there',
    'server.other: It must not be there',
    'mode: Instance does not match any subschemas',
  ])
})
