import { describeValue, isRecord } from './definition-checks.ts'
import type { FlagTarget } from './flag-authority-calls.ts'
import { toSubject } from './flag-refusal.ts'

/** What is nothing would delete, under the name of another call. @throws {TypeError} When it is `null` or `undefined`. */
export function assertDefinition(target: FlagTarget, definition: unknown): void {
  if (definition !== null && definition !== undefined) return
  const call = target.kind === 'flag' ? 'deleteFlag' : 'deleteSegment'
  throw new TypeError(
    `Cannot set ${toSubject(target)}: definition must be an object, received ${definition}; ${call} deletes a ${target.kind}`,
  )
}

/** Of a list or a map, which from JavaScript may come too, the names would be lost. @throws {TypeError} When it is no plain object. */
export function assertDefinitions(kind: FlagTarget['kind'], definitions: unknown): void {
  const isPlain =
    isRecord(definitions) &&
    [Object.prototype, null].includes(Object.getPrototypeOf(definitions) as object | null)
  if (!isPlain) {
    const received = isRecord(definitions) ? 'one of a class' : describeValue(definitions)
    throw new TypeError(
      `Cannot import flags: ${kind}s must be an object of definitions by name, received ${received}`,
    )
  }
  for (const [name, definition] of Object.entries(definitions)) {
    assertDefinition({ kind, name }, definition)
  }
}
