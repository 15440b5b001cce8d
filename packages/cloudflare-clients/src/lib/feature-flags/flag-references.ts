import { isRecord } from './definition-checks.ts'
import { getOwn } from './definition-parts.ts'
import type { FlagTarget } from './flag-authority-calls.ts'
import type { FlagRow } from './flag-storage.ts'
import { findSegments } from './validate-condition.ts'
import { findPrerequisites } from './validate-references.ts'

/** The flags and segments that a definition names. */
export function referencesOf({ definition }: FlagRow): readonly FlagTarget[] {
  const rules = getOwn(definition, 'rules')
  const conditions = [
    getOwn(definition, 'when'),
    ...(Array.isArray(rules) ? rules.filter(isRecord).map((rule) => getOwn(rule, 'when')) : []),
  ]
  return [
    ...findPrerequisites(definition).map((name) => ({ kind: 'flag', name }) as const),
    ...conditions.flatMap((condition) =>
      findSegments(condition).map((name) => ({ kind: 'segment', name }) as const),
    ),
  ]
}
