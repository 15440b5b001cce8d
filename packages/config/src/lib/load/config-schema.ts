import type { StandardSchema } from '@codex/cloudflare-clients'

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>

/**
 * What a configuration has to fit: a schema of valibot, zod, arktype or whatever else implements Standard Schema, or a JSON Schema.
 * A schema sees secrets as texts, and what it gives back has a `Secret` in their places.
 */
export type ConfigSchema<T> = StandardSchema<T> | { readonly jsonSchema: JsonSchema }
