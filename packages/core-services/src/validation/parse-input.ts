import * as v from 'valibot'

export interface InputIssue {
  /** The field, with dots between levels. Empty when the whole input is meant. */
  readonly path: string
  /** In words for the person who typed it. */
  readonly message: string
}

/** The input was refused and nothing was changed. */
export interface InvalidInput {
  readonly ok: false
  readonly reason: 'invalid_input'
  readonly issues: readonly InputIssue[]
}

/** There is no such thing, or it belongs to someone else: the answer does not tell which. */
export interface NotFound {
  readonly ok: false
  readonly reason: 'not_found'
}

export const notFound: NotFound = { ok: false, reason: 'not_found' }

export function invalidInput(...issues: readonly InputIssue[]): InvalidInput {
  return { ok: false, reason: 'invalid_input', issues }
}

/** The input in the schema's shape, or every issue with it. */
export function parseInput<const Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
): { readonly ok: true; readonly value: v.InferOutput<Schema> } | InvalidInput {
  const result = v.safeParse(schema, input)
  if (result.success) return { ok: true, value: result.output }
  return invalidInput(
    ...result.issues.map((issue) => ({
      path: v.getDotPath(issue) ?? '',
      message: issue.message,
    })),
  )
}
