import type { SchemaIssue, StandardSchema } from '../../shared/standard-schema.ts'

interface Shape<T extends object> {
  readonly schema: StandardSchema<T> | undefined
  readonly defaults: Partial<T>
}

type Fields = Readonly<Record<string, unknown>>

/** @returns The fields over the defaults, without those that do not fit, and the names of these. */
export async function fitToSchema<T extends object>(
  fields: Fields,
  { schema, defaults }: Shape<T>,
): Promise<{ readonly value: T; readonly misfits: readonly string[] }> {
  const merged = { ...defaults, ...fields }
  if (schema === undefined) return { value: merged as unknown as T, misfits: [] }
  const first = await schema['~standard'].validate(merged)
  if (first.issues === undefined) return { value: first.value, misfits: [] }
  const misfits = namesOf(first.issues).filter((name) => Object.hasOwn(fields, name))
  const fitting = Object.entries(fields).filter(([name]) => !misfits.includes(name))
  // An issue that names no field may be any field's.
  const kept = misfits.length > 0 ? Object.fromEntries(fitting) : {}
  const second = await schema['~standard'].validate({ ...defaults, ...kept })
  if (second.issues === undefined) {
    return { value: second.value, misfits: misfits.length > 0 ? misfits : Object.keys(fields) }
  }
  throw new TypeError(
    `Cannot get preferences: the defaults must fit the schema, received what does not in ${describe(namesOf(second.issues))}`,
  )
}

/** @throws {TypeError} When a field of the patch does not fit. What the document has besides is not looked at. */
export async function assertPatchFits<T extends object>(
  patch: Fields,
  { schema, defaults }: Shape<T>,
): Promise<void> {
  if (schema === undefined) return
  const written = Object.entries(patch).filter(([, value]) => value !== null)
  const result = await schema['~standard'].validate({
    ...defaults,
    ...Object.fromEntries(written),
  })
  const names = namesOf(result.issues ?? []).filter((name) => Object.hasOwn(patch, name))
  if (names.length === 0) return
  throw new TypeError(
    `Cannot patch preferences: the fields must fit the schema, received what does not in ${describe(names)}`,
  )
}

function namesOf(issues: readonly SchemaIssue[]): string[] {
  const names = issues.flatMap(({ path }) => {
    const [first] = path ?? []
    if (first === undefined) return []
    return [String(typeof first === 'object' ? first.key : first)]
  })
  return [...new Set(names)]
}

function describe(names: readonly string[]): string {
  return names.length === 0 ? 'no one field' : names.join(', ')
}
