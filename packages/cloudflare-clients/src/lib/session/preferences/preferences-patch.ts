export const maxPreferencesBytes = 16_384
export const maxPreferencesFields = 100
const maxNameLength = 64

/** @returns What is wrong with the fields of a patch, as the second half of a message, or `null`. Their values are not in it. */
export function findPatchFault(fields: unknown): string | null {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    const received = Array.isArray(fields) ? 'an array' : fields === null ? 'null' : typeof fields
    return `the patch must be an object, received ${received}`
  }
  const entries = Object.entries(fields)
  if (entries.length > maxPreferencesFields) {
    return `a patch must have at most ${maxPreferencesFields} fields, received ${entries.length}`
  }
  for (const [name, value] of entries) {
    if (name.length < 1 || name.length > maxNameLength) {
      return `a field's name must have 1 to ${maxNameLength} characters, received ${name.length}`
    }
    if (name === '__proto__' || hasProto(value)) {
      return 'no name in it must be __proto__, which would change the prototype of what it is copied to'
    }
  }
  return null
}

/** Whether a name anywhere in plain JSON is `__proto__`. Not by recursion: how deep it is, is the writer's choice. */
function hasProto(value: unknown): boolean {
  const pending = [value]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if (Object.hasOwn(next, '__proto__')) return true
    for (const inner of Object.values(next)) if (inner !== undefined) pending.push(inner)
  }
  return false
}
