import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../config-error.ts'
import type { ConfigSyntax } from '../config-document.ts'
import { parseDocument } from './parse-document.ts'

function parse(text: string, syntax: ConfigSyntax = 'yaml'): unknown {
  return parseDocument({ uri: 'file:a', text, syntax }).tree
}

function faultsOf(text: string, syntax: ConfigSyntax = 'yaml'): unknown {
  try {
    return parse(text, syntax)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.code).toBe('corrupt')
    return error.faults.map(
      ({ path, reason, origin }) => `${path}@${origin?.line ?? '?'}: ${reason}`,
    )
  }
}

const octal = 'A number begins with 0: quote it for text, or write 0o17 for octal'
const finite = 'A finite number was wanted'
const large = 'An integer below 2^53 was wanted: quote it to keep it'

describe('what a YAML value that is not quoted becomes', () => {
  test.each<[name: string, text: string, value: unknown]>([
    ['Norway', 'NO', 'NO'],
    ['yes', 'yes', 'yes'],
    ['off', 'off', 'off'],
    ['y', 'y', 'y'],
    ['true', 'true', true],
    ['True', 'True', true],
    ['FALSE', 'FALSE', false],
    ['an empty value', '', null],
    ['a tilde', '~', null],
    ['null', 'null', null],
    ['Null', 'Null', null],
    ['none', 'none', 'none'],
    ['an integer', '12', 12],
    ['a signed integer', '+12', 12],
    ['octal', '0o14', 12],
    ['hexadecimal', '0x1F', 31],
    ['binary, which YAML 1.2 does not have', '0b11', '0b11'],
    ['underscores, which YAML 1.2 does not have', '1_000', '1_000'],
    ['a version with two parts', '1.10', 1.1],
    ['a version with three parts', '1.10.0', '1.10.0'],
    ['an exponent', '1e3', 1000],
    ['what looks like a commit', '12e4567', Infinity],
    ['a float', '.5', 0.5],
    ['sexagesimal', '1:30', '1:30'],
    ['a time', '12:30:45', '12:30:45'],
    ['a date', '2026-11-21', '2026-11-21'],
    ['a timestamp', '2026-11-21T10:00:00Z', '2026-11-21T10:00:00Z'],
    ['IPv6', '::1', '::1'],
    ['IPv6 with digits alone', '2001:0:0:1', '2001:0:0:1'],
    ['IPv4', '10.0.0.1', '10.0.0.1'],
    ['a port mapping', '22:22', '22:22'],
    ['a telephone number', '+49-30-1', '+49-30-1'],
    ['a reference', '${env:PORT}', '${env:PORT}'],
    ['the largest safe integer', '9007199254740991', 9007199254740991],
    ['a large float', '1e300', 1e300],
    ['an explicit text', '!!str 12', '12'],
    ['an explicit integer', '!!int "12"', 12],
  ])('%s: %s', (_, text, value) => {
    if (value === Infinity) {
      expect(faultsOf(`a: ${text}`)).toStrictEqual([`a@1: ${finite}`])
    } else expect(parse(`a: ${text}`)).toStrictEqual({ a: value })
  })

  test.each([
    ['a leading zero', '010', octal],
    ['a signed leading zero', '-007', octal],
    ['a postal code', '01234', octal],
    ['a leading zero before a point', '01.5', octal],
    ['infinity', '.inf', finite],
    ['minus infinity', '-.Inf', finite],
    ['not a number', '.nan', finite],
    ['a number beyond floats', '1e999', finite],
    ['2^53', '9007199254740992', large],
    ['an account number', '12345678901234567890', large],
    ['a large hexadecimal number', '0x20000000000000', large],
  ])('%s is refused: %s', (_, text, reason) => {
    expect(faultsOf(`b: 1\na: ${text}`)).toStrictEqual([`a@2: ${reason}`])
  })

  test.each(['NO', '010', '~', '1e3', '.inf', '1.10', '1:30', '9007199254740993', '', 'true'])(
    'quoted, it is the text itself: %s',
    (text) => {
      expect(parse(`a: "${text}"\nb: '${text}'`)).toStrictEqual({ a: text, b: text })
    },
  )

  test('names are texts, whatever they look like', () => {
    expect(parse('NO: 1\n1: 2\n010: 3\n1.10: 4\n~: 5\ntrue: 6')).toStrictEqual({
      NO: 1,
      '1': 2,
      '010': 3,
      '1.10': 4,
      '~': 5,
      true: 6,
    })
  })
})

describe('what is refused', () => {
  test.each([
    ['a name twice', 'a: 1\nb: 2\na: 3', ['a@3: The same name is there twice']],
    ['a name twice, quoted', '1: 1\n"1": 2', ['1@2: The same name is there twice']],
    ['several documents', 'a: 1\n---\nb: 1', ['@2: One document was wanted, there are several']],
    ['nothing', '', ['@?: A map was wanted, received nothing']],
    ['a comment alone', '# later', ['@?: A map was wanted, received nothing']],
    ['null', '~', ['@1: A map was wanted, received nothing']],
    ['a list', '- a', ['@1: A map was wanted']],
    ['a text', 'hunter2', ['@1: A map was wanted']],
    ['a tag', 'a: !env PORT', ['a@1: Tags other than those of the core schema have no meaning']],
    [
      'a timestamp tag',
      'a: !!timestamp 2026-01-01',
      ['a@1: Tags other than those of the core schema have no meaning'],
    ],
    [
      'a binary tag',
      'a: !!binary aGk=',
      ['a@1: Tags other than those of the core schema have no meaning'],
    ],
    [
      'another version of YAML',
      '%YAML 1.1\n---\na: no',
      ['@1: YAML 1.2 was wanted, another version is declared'],
    ],
    [
      'a merge key',
      'a: &a {x: 1}\nb:\n  <<: *a',
      ['b.<<@3: Merge keys are no part of YAML 1.2: use layers, or quote it'],
    ],
    ['a list as a name', '[a]: 1', ['@1: Names that are texts were wanted']],
    ['an alias of nothing', 'a: *b', ['a@1: An alias has no anchor before it']],
    ['an alias before its anchor', 'a: *b\nb: &b 1', ['a@1: An alias has no anchor before it']],
    ['a tab', 'a:\n\tb: 1', ['@2: Tabs cannot indent: use spaces']],
    ['a colon', 'a: b: c', ['@1: A value has a colon and a space in it: quote it']],
    ['a reserved character', 'a: @b', ['@1: A value begins with a reserved character: quote it']],
    ['an escape', 'a: "\\q"', ['@1: An escape in double quotes is not known']],
    [
      'a name that is half a character',
      '"\\ud800": 1',
      ['@1: Names of whole characters were wanted'],
    ],
  ])('%s', (_, text, faults) => {
    expect(faultsOf(text)).toStrictEqual(faults)
  })

  test.each([
    ['malformed JSON', '{"a": 1,\n "b": hunter2}', ['@2: JSON was wanted, it is malformed']],
    ['JSON cut off', '{"a": 1,\n "b": [', ['@2: JSON was wanted, it is malformed']],
    ['YAML where JSON was said', 'a: 1', ['@1: JSON was wanted, it is malformed']],
    ['a name twice in JSON', '{"a": 1,\n "a": 2}', ['a@2: The same name is there twice']],
    ['a large integer in JSON', '{"a":\n 9007199254740993}', [`a@2: ${large}`]],
    ['nothing in JSON', '', ['@1: JSON was wanted, it is malformed']],
  ])('%s', (_, text, faults) => {
    expect(faultsOf(text, 'json')).toStrictEqual(faults)
  })

  test('all faults of a text are told, up to a hundred', () => {
    const lines = Array.from({ length: 150 }, (_, index) => `k${index}: 0${index}`)
    expect(faultsOf(lines.join('\n'))).toHaveLength(100)
  })

  test('what cannot be parsed is quoted nowhere', () => {
    for (const text of [
      'a: "hunter2\\q"',
      'a: hunter2: b',
      '{hunter2',
      'a: *hunter2',
      '!hunter2',
    ]) {
      for (const syntax of ['yaml', 'json'] as const) {
        expect(() => parse(text, syntax)).toThrow(expect.not.stringContaining('hunter2') as Error)
        expect(JSON.stringify(faultsOf(text, syntax))).not.toContain('hunter2')
      }
    }
  })
})

describe('what is hostile', () => {
  test('levels: 64 are read, 65 are refused', () => {
    const nested = (levels: number): string => '{a: '.repeat(levels) + '1' + '}'.repeat(levels)
    expect(parse(nested(64))).toBeTypeOf('object')
    expect(faultsOf(nested(65))).toMatchObject([expect.stringContaining('At most 64 levels')])
    expect(faultsOf('a: ' + '['.repeat(50_000))).toContainEqual(
      expect.stringContaining('At most 64 levels'),
    )
  })

  test('a few lines of aliases that stand for a thousand million values', () => {
    const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
    for (let level = 1; level < 9; level++) {
      const alias = `*a${level - 1}`
      lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => alias).join()}]`)
    }
    expect(faultsOf(lines.join('\n'))).toContainEqual(
      expect.stringContaining('Aliases stand for too many values'),
    )
  })

  test('an alias within what it stands for', () => {
    expect(faultsOf('a: &a\n  b: *a')).toMatchObject([expect.stringContaining('64 levels')])
  })

  test('an alias is the value of its anchor', () => {
    expect(parse('a: &a {x: [1]}\nb: *a\nc: [*a]')).toStrictEqual({
      a: { x: [1] },
      b: { x: [1] },
      c: [{ x: [1] }],
    })
  })

  test('names that mean something elsewhere are names', () => {
    for (const [text, syntax] of [
      ['{"__proto__": {"x": 1}, "constructor": {"prototype": 2}}', 'json'],
      ['__proto__: {x: 1}\nconstructor: {prototype: 2}', 'yaml'],
    ] as const) {
      const tree = parse(text, syntax) as Record<string, unknown>
      expect(Object.keys(tree)).toStrictEqual(['__proto__', 'constructor'])
      expect(Object.getPrototypeOf(tree)).toBe(Object.prototype)
      expect(Object.getOwnPropertyDescriptor(tree, '__proto__')?.value).toStrictEqual({ x: 1 })
      expect(({} as Record<string, unknown>).x).toBeUndefined()
    }
  })

  test('a megabyte is read, and one byte more is refused', () => {
    const full = 'ab: "' + 'é'.repeat(524_285) + '"'
    expect(parse(full)).toBeTypeOf('object')
    expect(faultsOf(`${full} `)).toStrictEqual(['@?: At most 1 MiB was wanted'])
  })

  test('twenty thousand names of one map are compared without comparing each with each', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`)
    expect(Object.keys(parse(names.join('\n')) as object)).toHaveLength(20_000)
  })
})

describe('where a value is said', () => {
  test('the line and column of its name', () => {
    const { originOf } = parseDocument({
      uri: 'file:a.yaml',
      text: '\uFEFF# settings\r\nserver:\r\n  ports:\r\n    - 1\r\n    - {x: 2}\r\n',
      version: 7,
    })
    const at = (line: number, column: number): unknown => ({
      uri: 'file:a.yaml',
      version: 7,
      line,
      column,
    })
    expect(originOf(['server'])).toStrictEqual(at(2, 1))
    expect(originOf(['server', 'ports', 0])).toStrictEqual(at(4, 7))
    expect(originOf(['server', 'ports', 1, 'x'])).toStrictEqual(at(5, 8))
    // Of what is not there, the nearest above it.
    expect(originOf(['server', 'host', 'x'])).toStrictEqual(at(2, 1))
  })

  test('the syntax is that of the name, or what is said', () => {
    const text = 'a: 1'
    expect(parseDocument({ uri: 'kv://x/y', text }).tree).toStrictEqual({ a: 1 })
    expect(() => parseDocument({ uri: 'file:x.json', text })).toThrow(
      'Cannot parse configuration file:x.json: JSON was wanted, it is malformed (line 1)',
    )
  })
})

function hasSafeNumbers(value: unknown): boolean {
  if (typeof value === 'object') return Object.values(value ?? {}).every(hasSafeNumbers)
  return typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)
}

test('names of JSON may be as long as they like', () => {
  const name = 'x'.repeat(2000)
  expect(parse(`{"${name}": 1}`, 'json')).toStrictEqual({ [name]: 1 })
  expect(faultsOf(`${name}: 1`)).toStrictEqual(['@1: A name is longer than 1,024 characters'])
})

test('what JSON says is read as JSON.parse reads it', () => {
  const json = fc.dictionary(
    fc.string({ unit: 'grapheme' }),
    fc.jsonValue({ maxDepth: 4 }).filter(hasSafeNumbers),
    { maxKeys: 8 },
  )
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 2, '\t'), (value, space) => {
      const text = JSON.stringify(value, null, space)
      expect(parse(text, 'json')).toStrictEqual(JSON.parse(text))
    }),
    { seed: 20_261_121, numRuns: 300 },
  )
})
