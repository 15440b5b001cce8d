import type * as v from 'valibot'

/** What is said of fields that are missing or not known, where the field's own schema is not asked. */
export function objectMessage(issue: v.StrictObjectIssue): string {
  if (issue.path === undefined) return 'Give the fields of the form'
  return issue.expected === 'never' ? 'This field cannot be set' : 'Fill in this field'
}
