/** The draft, by its address. */
const draft = 'https://json-schema.org/draft/2020-12/schema'

const schemas = new Set([
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])
const schemaLists = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const schemaMaps = new Set([
  '$defs',
  'definitions',
  'dependentSchemas',
  'patternProperties',
  'properties',
])
const counts = new Set([
  'maxContains',
  'maxItems',
  'maxLength',
  'maxProperties',
  'minContains',
  'minItems',
  'minLength',
  'minProperties',
])
const numbers = new Set([
  'exclusiveMaximum',
  'exclusiveMinimum',
  'maximum',
  'minimum',
  'multipleOf',
])
const texts = new Set(['$anchor', '$comment', '$id', '$ref', 'description', 'format', 'title'])
const typeNames = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])
/** Of other drafts, or beyond the validator: to pass over them would let through what they forbid. */
const refused = new Set([
  '$dynamicAnchor',
  '$dynamicRef',
  '$recursiveAnchor',
  '$recursiveRef',
  'additionalItems',
  'dependencies',
  'id',
])
const maxSchemaDepth = 200

/**
 * Refuses a JSON Schema that is itself wrong, with the place in it. The validator would pass over most mistakes, and so accept everything.
 *
 * @throws `TypeError`
 */
export function checkJsonSchema(schema: unknown, at = '#', depth = 0): void {
  if (typeof schema === 'boolean') return
  if (!isRecord(schema)) throw wrong(at, 'a map, true or false', schema)
  if (depth > maxSchemaDepth) throw wrong(at, `at most ${maxSchemaDepth} levels`, schema)
  for (const [keyword, value] of Object.entries(schema)) {
    const here = `${at}/${keyword}`
    if (refused.has(keyword)) throw wrong(here, 'a keyword that is supported', keyword)
    if (schemas.has(keyword)) checkJsonSchema(value, here, depth + 1)
    else if (schemaLists.has(keyword)) {
      if (!Array.isArray(value) || value.length === 0) throw wrong(here, 'a list of schemas', value)
      for (const [index, item] of value.entries()) {
        checkJsonSchema(item, `${here}/${index}`, depth + 1)
      }
    } else if (schemaMaps.has(keyword)) {
      if (!isRecord(value)) throw wrong(here, 'a map of schemas', value)
      for (const [name, item] of Object.entries(value)) {
        if (keyword === 'patternProperties') checkPattern(name, here)
        checkJsonSchema(item, `${here}/${name}`, depth + 1)
      }
    } else checkPlainKeyword(keyword, value, here)
  }
}

function checkPlainKeyword(keyword: string, value: unknown, here: string): void {
  if (counts.has(keyword)) {
    if (!Number.isInteger(value) || Number(value) < 0) {
      throw wrong(here, 'an integer from 0', value)
    }
  } else if (numbers.has(keyword)) {
    if (typeof value !== 'number' || (keyword === 'multipleOf' && value <= 0)) {
      throw wrong(here, keyword === 'multipleOf' ? 'a number above 0' : 'a number', value)
    }
  } else if (texts.has(keyword)) {
    if (typeof value !== 'string') throw wrong(here, 'a text', value)
  } else if (keyword === 'pattern') checkPattern(value, here)
  else if (keyword === 'type') checkType(value, here)
  else if (keyword === 'required') checkNames(value, here)
  else if (keyword === 'dependentRequired') {
    if (!isRecord(value)) throw wrong(here, 'a map of lists of names', value)
    for (const [name, names] of Object.entries(value)) checkNames(names, `${here}/${name}`)
  } else if (keyword === 'enum') {
    if (!Array.isArray(value)) throw wrong(here, 'a list', value)
  } else if (keyword === 'uniqueItems') {
    if (typeof value !== 'boolean') throw wrong(here, 'true or false', value)
  } else if (keyword === '$schema') {
    if (value !== draft && value !== `${draft}#`) throw wrong(here, draft, value)
  }
}

function checkType(value: unknown, here: string): void {
  const names: unknown[] = Array.isArray(value) ? value : [value]
  if (names.length === 0 || !names.every((name) => typeNames.has(name as string))) {
    throw wrong(here, `${[...typeNames].join(', ')}, or a list of these`, value)
  }
}

function checkNames(value: unknown, here: string): void {
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
    throw wrong(here, 'a list of names', value)
  }
}

function checkPattern(value: unknown, here: string): void {
  try {
    if (typeof value === 'string') {
      new RegExp(value, 'u')
      return
    }
  } catch {
    // Told below.
  }
  throw wrong(here, 'a regular expression', value)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(at: string, wanted: string, received: unknown): TypeError {
  const shown = JSON.stringify(received) as string | undefined
  return new TypeError(
    `Cannot use JSON Schema: at ${at} ${wanted} was wanted, received ${(shown ?? typeof received).slice(0, 100)}`,
  )
}
