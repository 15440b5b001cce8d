import type { FlagRuleset } from './flag-ruleset.ts'

/**
 * Names the flags that are not the same in the two rulesets, come, or go, also because of a segment or a prerequisite that they rest on.
 *
 * It goes by the text of definitions, so it names a flag too many rather than one too few.
 */
export function toChangedFlags(before: FlagRuleset | null, after: FlagRuleset): readonly string[] {
  const [old, now] = [toTexts(before), toTexts(after)]
  const changed = new Set(
    [...old.keys(), ...now.keys()].filter((reference) => old.get(reference) !== now.get(reference)),
  )
  // A set goes on to what is added while it is walked through.
  for (const reference of changed) {
    for (const [user, text] of now) if (text.includes(reference)) changed.add(user)
  }
  return [...changed].flatMap((reference) =>
    reference.startsWith(flagField)
      ? [JSON.parse(reference.slice(flagField.length)) as string]
      : [],
  )
}

const flagField = '"flag":'

/** Definitions as text, by the text that refers to them. */
function toTexts(ruleset: FlagRuleset | null): ReadonlyMap<string, string> {
  const toEntries = (
    field: string,
    definitions: Readonly<Record<string, unknown>> = {},
  ): [string, string][] =>
    Object.entries(definitions).map(([name, definition]) => [
      field + JSON.stringify(name),
      JSON.stringify(definition),
    ])
  return new Map([
    ...toEntries(flagField, ruleset?.flags),
    ...toEntries('"segment":', ruleset?.segments),
  ])
}
