import type { FlagTarget } from './flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'

export interface ImportedDefinition {
  readonly target: FlagTarget
  readonly next: FlagDefinition | FlagSegment
}

/** Puts each definition after those that it refers to. What refers to itself in a circle is left for the writer to refuse. */
export function orderImport(
  flags: Readonly<Record<string, FlagDefinition>>,
  segments: Readonly<Record<string, FlagSegment>>,
): readonly ImportedDefinition[] {
  const ordered: ImportedDefinition[] = []
  const visited = new Set<string>()
  const visit = (kind: FlagTarget['kind'], name: string): void => {
    const definitions: Readonly<Record<string, FlagDefinition | FlagSegment>> =
      kind === 'flag' ? flags : segments
    const next = Object.hasOwn(definitions, name) ? definitions[name] : undefined
    const id = `${kind}:${name}`
    if (next === undefined || visited.has(id)) return
    visited.add(id)
    for (const [otherKind, other] of referencesOf(next)) visit(otherKind, other)
    ordered.push({ target: { kind, name }, next })
  }
  for (const name of Object.keys(segments)) visit('segment', name)
  for (const name of Object.keys(flags)) visit('flag', name)
  return ordered
}

/** Every text under `segment` or `flag`, wherever it stands: one too many does no harm. */
function referencesOf(definition: object): [FlagTarget['kind'], string][] {
  const found: [FlagTarget['kind'], string][] = []
  JSON.stringify(definition, (field, value: unknown) => {
    if ((field === 'segment' || field === 'flag') && typeof value === 'string') {
      found.push([field, value])
    }
    return value
  })
  return found
}
