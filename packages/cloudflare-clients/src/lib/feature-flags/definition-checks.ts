/** Notes what is wrong, and where. */
export type FaultReport = (path: string, reason: string) => void

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const maxNameCharacters = 128
export const maxListEntries = 10_000
/** Of everything in a definition: more than conditions and values may have, each by its own limit. */
const maxDepth = 64
const maxParts = 100_000

/** What came, without what it says: values may be user ids. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value
}

export function joinPath(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`
}

/** Reports fields that are not known: a field that is passed over silently is a rollout that does not happen. */
export function checkFields(
  report: FaultReport,
  path: string,
  record: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  for (const field of Object.keys(record)) {
    if (record[field] === undefined || known.includes(field)) continue
    report(joinPath(path, field), `is not known${suggest(field, known)}`)
  }
}

/** @returns `, did you mean "percentage"?`, or nothing where no name is near. */
export function suggest(name: string, known: readonly string[]): string {
  const wanted = name.toLowerCase()
  const [nearest] = known
    .map((candidate) => ({ candidate, edits: countEdits(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const isNear =
    nearest !== undefined && nearest.edits <= Math.max(1, Math.floor(nearest.candidate.length / 3))
  return isNear ? `, did you mean ${JSON.stringify(nearest.candidate)}?` : ''
}

/** Levenshtein's distance, of names of bounded length. */
function countEdits(a: string, b: string): number {
  if (a.length > maxNameCharacters) return Infinity
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? Infinity
}

export function checkName(report: FaultReport, path: string, name: unknown): name is string {
  if (
    typeof name === 'string' &&
    name !== '' &&
    name.length <= maxNameCharacters &&
    name.isWellFormed()
  ) {
    return true
  }
  const received =
    typeof name === 'string' ? `text of ${name.length} characters` : describeValue(name)
  report(
    path,
    `must be well-formed text of 1 to ${maxNameCharacters} characters, received ${received}`,
  )
  return false
}

/** @returns Its entries, where it is a list that is not too long; an empty one otherwise. */
export function checkList(
  report: FaultReport,
  path: string,
  list: unknown,
  { min = 0, max }: { readonly min?: number; readonly max: number },
): readonly unknown[] {
  if (Array.isArray(list) && list.length >= min && list.length <= max) return list
  report(path, `must be a list of ${min} to ${max}, received ${describeValue(list)}`)
  return []
}

export function checkDuplicates(report: FaultReport, path: string, list: readonly unknown[]): void {
  const seen = new Map<unknown, number>()
  list.forEach((entry, i) => {
    const first = seen.get(entry)
    if (first === undefined) seen.set(entry, i)
    else report(`${path}[${i}]`, `must not be there twice, is the same as ${path}[${first}]`)
  })
}

/**
 * Reports the first thing that would not come back from JSON as it is: it would mean one thing here and another where the ruleset is read.
 *
 * @returns Whether all of it would.
 */
export function checkJson(report: FaultReport, definition: unknown): boolean {
  let parts = 0
  const refuse = (path: string, reason: string): false => {
    report(path, reason)
    return false
  }
  const walk = (path: string, value: unknown, depth: number): boolean => {
    // What is shared is counted wherever it is, as JSON writes it.
    if (++parts > maxParts) return refuse('', `must be at most ${maxParts} values`)
    if (depth > maxDepth) return refuse(path, `must not be nested deeper than ${maxDepth}`)
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
    if (Number.isFinite(value)) return true
    if (Array.isArray(value)) {
      // A copy, because `every` passes over holes.
      return Array.from(value as unknown[]).every((inner, i) =>
        walk(`${path}[${i}]`, inner, depth + 1),
      )
    }
    if (!isRecord(value)) return refuse(path, `must be JSON, received ${describeValue(value)}`)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null)
      return refuse(path, 'must be JSON, received an object of a class')
    return Object.keys(value).every(
      (field) => value[field] === undefined || walk(joinPath(path, field), value[field], depth + 1),
    )
  }
  return walk('', definition, 0)
}
