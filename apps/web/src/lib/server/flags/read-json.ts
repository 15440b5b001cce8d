type JsonKind = 'a list' | 'an object'

/** Reads what was typed as JSON, or says what is wrong with it. */
export function readJson(
  text: string,
  kind: JsonKind,
): { readonly value: unknown } | { readonly problem: string } {
  const problem = `Write ${kind} as JSON`
  if (text.trim() === '') return { problem }
  try {
    const value = JSON.parse(text) as unknown
    return kindOf(value) === kind ? { value } : { problem }
  } catch (error) {
    // The engine says what it did not expect, and where.
    return { problem: error instanceof Error ? error.message : 'This is no JSON' }
  }
}

function kindOf(value: unknown): JsonKind | null {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : null
}
