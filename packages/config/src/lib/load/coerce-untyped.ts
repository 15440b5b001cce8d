import type { ConfigPath } from '../config-tree.ts'
import type { ConfigNode, ConfigScalar, LeafNode } from './config-node.ts'
import type { JsonSchemaValidator } from './json-schema-validator.ts'

/**
 * Makes numbers and booleans of texts that came from where there are only texts, where the schema asks for one and the text is exactly
 * one. What the document itself says is never converted: a quoted "8080" stays a text.
 */
export function coerceUntyped(
  node: ConfigNode,
  schema: JsonSchemaValidator,
  path: ConfigPath = [],
): ConfigNode {
  if (node.kind === 'leaf') return coerceLeaf(node, schema, path)
  if (node.kind === 'list') {
    const items = node.items.map((item, index) => coerceUntyped(item, schema, [...path, index]))
    return { ...node, items }
  }
  const members = Array.from(
    node.entries,
    ([name, member]) => [name, coerceUntyped(member, schema, [...path, name])] as const,
  )
  return { ...node, entries: new Map(members) }
}

function coerceLeaf(node: LeafNode, schema: JsonSchemaValidator, path: ConfigPath): LeafNode {
  const { value, isUntyped } = node
  if (!isUntyped || typeof value !== 'string') return node
  const types = schema.typesAt(path)
  return types.has('string') ? node : { ...node, value: coerceText(value, types) }
}

const integer = /^-?(?:0|[1-9]\d*)$/
const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/

function coerceText(text: string, types: ReadonlySet<string>): ConfigScalar {
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  const number = Number(text)
  const isInteger = integer.test(text)
  // One that would change its digits is none.
  if (isInteger && !Number.isSafeInteger(number)) return text
  if (isInteger && (types.has('integer') || types.has('number'))) return number
  return types.has('number') && decimal.test(text) && Number.isFinite(number) ? number : text
}
