import type {
  FlagChange,
  FlagChangeRefusal,
  FlagChangeRequest,
  FlagFault,
  FlagTarget,
} from './flag-authority-calls.ts'
import { checkJson, isRecord } from './definition-checks.ts'
import { invalid, toInvalid } from './flag-change-faults.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import { toEntryBytes, toKey } from './flag-rows.ts'
import type { StoredFlag } from './flag-ruleset.ts'
import type { FlagRow, FlagWrite } from './flag-storage.ts'

/** Changes that are known, and recognized when their calls are repeated. */
export const maxHistory = 1000

/** What changes would make, before any of it is true. */
export interface FlagDraft {
  readonly rows: Map<string, FlagRow>
  version: number
  bytes: number
  /** Those that change something. */
  readonly steps: {
    /** Of the request. */
    readonly index: number
    readonly changed: readonly FlagTarget[]
    readonly write: FlagWrite
  }[]
}

/** Adds a change to what would be. @returns What refuses it, and then the draft is of no more use. */
export function draftStep(
  draft: FlagDraft,
  { changeId, target, next, renamedFrom, ifVersion, author, reason }: FlagChangeRequest,
  { index, atMs }: { readonly index: number; readonly atMs: number },
): FlagChangeRefusal | undefined {
  const { rows } = draft
  const from = renamedFrom === undefined ? target : { kind: target.kind, name: renamedFrom }
  const current = rows.get(toKey(from))
  const currentVersion = current?.version ?? 0
  if (ifVersion !== undefined && ifVersion !== currentVersion) {
    return { ok: false, reason: 'conflict', version: currentVersion }
  }
  if (renamedFrom !== undefined) {
    if (current === undefined) return invalid('renamedFrom', 'must be a flag that there is')
    if (rows.has(toKey(target))) {
      return invalid('target.name', 'must be new, received the name of another flag')
    }
  }
  if (next === null && current === undefined) return undefined
  const faults: FlagFault[] = []
  if (!checkJson((path, reason) => faults.push({ path, reason }), next)) return toInvalid(faults)
  const version = draft.version + 1
  const saved: FlagRow | null = next && {
    kind: target.kind,
    name: target.name,
    version,
    definition: toStoredDefinition(next, target, current),
  }
  if (saved === null || from !== target) rows.delete(toKey(from))
  if (saved !== null) rows.set(toKey(target), saved)
  const change: FlagChange = {
    version,
    atMs,
    target: { kind: target.kind, name: target.name },
    author,
    ...(reason !== undefined && { reason }),
    ...(renamedFrom !== undefined && { renamedFrom }),
    before: current?.definition ?? null,
    after: saved?.definition ?? null,
  }
  const deleted = current !== undefined && !rows.has(toKey(from)) ? [from] : []
  const forgetUpToVersion = version - maxHistory
  draft.version = version
  draft.bytes += (saved ? toEntryBytes(saved) : 0) - (current ? toEntryBytes(current) : 0)
  draft.steps.push({
    index,
    changed: [target, from],
    write: { changeId, change, deleted, saved, forgetUpToVersion },
  })
  return undefined
}

/**
 * What is validated and stored. The version is the authority's to set. What a flag is spread by is stored with it, so that neither a
 * rename nor another default moves anybody.
 */
function toStoredDefinition(
  next: unknown,
  { kind, name }: FlagTarget,
  current: FlagRow | undefined,
): FlagDefinition | FlagSegment {
  // A copy, which nobody else changes. It is a definition once it was validated, which is before it is used as one.
  const copy: unknown = JSON.parse(JSON.stringify(next))
  if (!isRecord(copy)) return copy as FlagDefinition
  const { version: _, ...definition } = copy as unknown as StoredFlag
  if (kind === 'segment' || 'bucketing' in definition) return definition
  const { bucketing: kept } = (current?.definition ?? {}) as Partial<FlagDefinition>
  // One that was adopted may say nothing, and was spread by the name it had.
  const bucketing = kept ?? { algorithm: 'sha256', version: 1, salt: current?.name ?? name }
  return { ...definition, bucketing }
}
