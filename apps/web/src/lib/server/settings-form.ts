import type { InputIssue } from '@codex/core-services'

/** The first problem of each setting, under the name its field has in the form. */
export function toFieldErrors(issues: readonly InputIssue[]): Readonly<Record<string, string>> {
  const errors: Record<string, string> = {}
  for (const { path, message } of issues) {
    errors[path === 'maxUploadBytes' ? 'maxUploadMegabytes' : path] ??= message
  }
  return errors
}
