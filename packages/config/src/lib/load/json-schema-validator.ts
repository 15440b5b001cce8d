import { dereference, type OutputUnit, type Schema, validate } from '@cfworker/json-schema'
import type { ConfigPath } from '../config-tree.ts'
import { checkJsonSchema, isRecord } from './check-json-schema.ts'
import type { JsonSchema } from './config-schema.ts'

interface JsonSchemaIssue {
  readonly path: readonly string[]
  readonly reason: string
  readonly keyword: string
}

export interface JsonSchemaValidator {
  validate(value: unknown): readonly JsonSchemaIssue[]
  /** The names of types that a value there may have, as far as the schema says it plainly. Empty: it does not. */
  typesAt(path: ConfigPath): ReadonlySet<string>
  /** The names that the schema gives to what is in a map there. */
  namesAt(path: ConfigPath): readonly string[]
}

/**
 * Makes a validator of a JSON Schema, draft 2020-12, with `@cfworker/json-schema`, which evaluates no code and so runs on Workers.
 * References within the schema only: it is never fetched.
 *
 * @throws `TypeError` where the schema is itself wrong, or uses `$dynamicRef`.
 */
export function createJsonSchemaValidator(schema: JsonSchema): JsonSchemaValidator {
  checkJsonSchema(schema)
  // The validator writes into it.
  const own = structuredClone<Schema | boolean>(schema)
  const lookup = dereferenceOwn(own)
  const find = createSchemaFinder(own, lookup)
  return {
    validate(value) {
      return withoutEcho(runValidator(value, own, lookup))
    },
    typesAt: (path) => typesOf(find(path), lookup),
    namesAt: (path) => find(path).flatMap((found) => Object.keys(found.properties ?? {})),
  }
}

type Lookup = Record<string, Schema | boolean>

function dereferenceOwn(schema: Schema | boolean): Lookup {
  let lookup: Lookup
  try {
    lookup = dereference(schema)
  } catch (error) {
    throw new TypeError('Cannot use JSON Schema: one schema for each $id was wanted', {
      cause: error,
    })
  }
  for (const known of Object.values(lookup)) {
    if (typeof known === 'boolean' || known.$ref === undefined) continue
    if (lookup[known.__absolute_ref__ ?? known.$ref] === undefined) {
      throw new TypeError(
        `Cannot use JSON Schema: a $ref to something within it was wanted, received ${JSON.stringify(known.$ref)}`,
      )
    }
  }
  return lookup
}

function runValidator(
  value: unknown,
  schema: Schema | boolean,
  lookup: Lookup,
): readonly OutputUnit[] {
  try {
    return validate(value, schema, '2020-12', lookup, false).errors
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new TypeError('Cannot use JSON Schema: it refers to itself without end', { cause: error })
  }
}

/** They only say that something within them failed, which says so itself. */
const echoes = new Set([
  '$ref',
  'additionalProperties',
  'allOf',
  'dependentSchemas',
  'if',
  'items',
  'patternProperties',
  'prefixItems',
  'properties',
  'unevaluatedItems',
  'unevaluatedProperties',
])
/** They failed as a whole: that one of the schemas within them did is no fault by itself. */
const wholes = new Set(['anyOf', 'contains', 'minContains', 'oneOf', 'propertyNames'])

function withoutEcho(errors: readonly OutputUnit[]): readonly JsonSchemaIssue[] {
  const covered = errors.filter(({ keyword }) => wholes.has(keyword))
  const issues = errors.filter(
    (error) =>
      !echoes.has(error.keyword) &&
      !covered.some(
        (whole) => whole !== error && error.keywordLocation.startsWith(`${whole.keywordLocation}/`),
      ),
  )
  const seen = new Set<string>()
  return issues.flatMap(({ instanceLocation, keyword, error }) => {
    const reason = keyword === 'false' ? 'It must not be there' : error.replace(/\.$/, '')
    const key = `${instanceLocation} ${reason}`
    if (seen.has(key)) return []
    seen.add(key)
    return [{ path: readPointer(instanceLocation), reason, keyword }]
  })
}

function readPointer(pointer: string): readonly string[] {
  const [, ...segments] = pointer.split('/')
  return segments.map((segment) =>
    decodeURIComponent(segment).replaceAll('~1', '/').replaceAll('~0', '~'),
  )
}

/** The schemas that are for a path, as far as names lead to them: through `$ref` and `allOf`, and every branch of `anyOf` and `oneOf`. */
function createSchemaFinder(
  root: Schema | boolean,
  lookup: Lookup,
): (path: ConfigPath) => readonly Schema[] {
  return (path) => {
    let found = spread([root], lookup)
    for (const segment of path) {
      found = spread(
        found.flatMap((schema) => membersOf(schema, segment)),
        lookup,
      )
    }
    return found
  }
}

function spread(schemas: readonly unknown[], lookup: Lookup): readonly Schema[] {
  const found = new Set<Schema>()
  const visit = (schema: unknown): void => {
    if (!isRecord(schema) || found.has(schema)) return
    const known = schema as Schema
    found.add(known)
    if (known.$ref !== undefined) visit(lookup[known.__absolute_ref__ ?? known.$ref])
    for (const branch of [known.allOf, known.anyOf, known.oneOf]) branch?.forEach(visit)
    visit(known.then)
    visit(known.else)
  }
  schemas.forEach(visit)
  return [...found]
}

function membersOf(schema: Schema, segment: string | number): readonly unknown[] {
  const { properties, patternProperties, prefixItems, items, additionalProperties } = schema
  if (typeof segment === 'number') return [prefixItems?.[segment] ?? items]
  const patterns = Object.entries(patternProperties ?? {})
    .filter(([pattern]) => new RegExp(pattern, 'u').test(segment))
    .map(([, member]) => member)
  const named = properties && Object.hasOwn(properties, segment) ? [properties[segment]] : []
  const members = [...named, ...patterns]
  return members.length > 0 ? members : [additionalProperties]
}

function typesOf(schemas: readonly Schema[], lookup: Lookup): ReadonlySet<string> {
  const all = spread(schemas, lookup).flatMap(({ type, enum: values, const: value }) => {
    if (type !== undefined) return type
    const known: unknown[] = values ?? (value === undefined ? [] : [value])
    return known.map((one) => (one === null ? 'null' : typeof one))
  })
  return new Set(all)
}
