import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import type { ConfigSchema, JsonSchema } from '../lib/load/config-schema.ts'
import { usageFailure } from './command-failure.ts'

/**
 * Reads the schema of a configuration: a JSON Schema in a `.json` or YAML file, or the default export of a module, which is a Standard Schema
 * (valibot, zod and others) or `{ jsonSchema }`.
 */
export async function readSchema(name: string): Promise<ConfigSchema<unknown>> {
  const path = resolve(name)
  if (/\.[cm]?[jt]s$/.test(name)) return importSchema(name, path)
  const text = await readFile(path, 'utf8')
  try {
    return { jsonSchema: parse(text, { logLevel: 'error' }) as JsonSchema }
  } catch {
    // The parser's own words have a piece of the text in them.
    throw usageFailure(`Cannot read schema ${name}: JSON or YAML was wanted, received another text`)
  }
}

async function importSchema(name: string, path: string): Promise<ConfigSchema<unknown>> {
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw usageFailure(`Cannot read schema ${name}: a module was wanted that loads, and ${reason}`)
  }
  const schema: unknown = loaded.default
  const isSchema =
    ((typeof schema === 'object' && schema !== null) || typeof schema === 'function') &&
    ('~standard' in schema || 'jsonSchema' in schema)
  if (isSchema) return schema as ConfigSchema<unknown>
  throw usageFailure(
    `Cannot read schema ${name}: a Standard Schema or { jsonSchema } was wanted as its default export, received ${typeof schema}`,
  )
}
