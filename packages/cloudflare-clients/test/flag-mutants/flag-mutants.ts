import { type HandMutant, mutant } from '../hand-mutants/run-hand-mutants.ts'

const authority = 'flag-authority.ts'
const draft = 'flag-draft.ts'
const faults = 'flag-change-faults.ts'
const publisher = 'flag-publisher.ts'

/** After each of them some schedule of editors, or of an object that publishes, must show what must not happen. */
export const flagMutants: readonly HandMutant[] = [
  mutant(
    'the version that an editor saw does not matter',
    draft,
    'if (ifVersion !== undefined && ifVersion !== currentVersion)',
    'if (ifVersion === 0 && currentVersion > 0)',
  ),
  mutant(
    'a flag that is not there yet has any version',
    draft,
    'if (ifVersion !== undefined && ifVersion !== currentVersion)',
    'if (ifVersion !== undefined && current !== undefined && ifVersion !== currentVersion)',
  ),
  mutant(
    'an older version is good enough',
    draft,
    'ifVersion !== currentVersion)',
    'ifVersion < currentVersion - 1)',
  ),
  mutant(
    'a conflict tells the version of the ruleset',
    draft,
    "reason: 'conflict', version: currentVersion",
    "reason: 'conflict', version: draft.version",
  ),
  mutant(
    'a call that is repeated is decided again',
    authority,
    'if (known !== undefined) {\n      return requests.some',
    'if (known !== undefined && !known.reply.ok) {\n      return requests.some',
  ),
  mutant(
    'a restart forgets which calls were made',
    authority,
    'this.#accepted.set(changeId, { target, reply: { ok: true, version } })',
    'void [changeId, version, target]',
  ),
  mutant(
    'calls are forgotten too early',
    authority,
    'remember(this.#accepted, changeId, decided, maxHistory)',
    'remember(this.#accepted, changeId, decided, 3)',
  ),
  mutant(
    'a refusal is decided again when its call is repeated',
    authority,
    'else remember(this.#refused, changeId, decided, maxRefusals)',
    '',
  ),
  mutant(
    'the id of another change is taken for the same',
    authority,
    'requests.some((request) => toKey(request.target) === toKey(known.target))',
    'requests.length > 0',
  ),
  mutant(
    'changes that are made together are known again by the first of them alone',
    authority,
    'requests.some((request) => toKey(request.target) === toKey(known.target))',
    'requests.slice(0, 1).some((request) => toKey(request.target) === toKey(known.target))',
  ),
  mutant(
    'what comes before the one that is refused is made',
    authority,
    'const draft: FlagDraft = { rows: new Map(this.#rows),',
    'const draft: FlagDraft = { rows: this.#rows as Map<string, FlagRow>,',
  ),
  mutant(
    'each of many is judged without the others',
    authority,
    'const faults = this.#validate(write.saved, known)',
    'const faults = this.#validate(write.saved, toKnown(this.#rows))',
  ),
  mutant(
    'what is written over at once is not looked at',
    authority,
    'if (write.saved === null) continue',
    'if (write.saved === null || !Object.values({ ...known.flags, ...known.segments }).includes(write.saved.definition as never)) continue',
  ),
  mutant(
    'which of many was refused is not told',
    faults,
    'return index === 0 ? refusal : { ...refusal, index }',
    'return index >= 0 ? refusal : { ...refusal, index }',
  ),
  mutant(
    'of many only the last is in the history',
    authority,
    'save(steps.map(({ write }) => write))',
    'save(steps.map(({ write }) => write).slice(-1))',
  ),
  mutant(
    'a change without bucketing gives the default',
    draft,
    'const bucketing = kept ?? {',
    'const bucketing = {',
  ),
  mutant(
    'a new flag has no bucketing of its own',
    draft,
    'return { ...definition, bucketing }',
    'return kept === undefined ? definition : { ...definition, bucketing }',
  ),
  mutant(
    'a rename leaves the old flag',
    draft,
    'if (saved === null || from !== target) rows.delete(toKey(from))',
    'if (saved === null) rows.delete(toKey(from))',
  ),
  mutant(
    'a restart brings back what was renamed',
    draft,
    'const deleted = current !== undefined && !rows.has(toKey(from)) ? [from] : []',
    'const deleted = saved === null ? [from] : []',
  ),
  mutant(
    'a rename takes the place of another flag',
    draft,
    'if (rows.has(toKey(target)))',
    'if (rows.size > 1000)',
  ),
  mutant(
    'what others rest on is deleted',
    authority,
    'saved.has(row) ? []',
    'saved.has(row) || saved.size === 0 ? []',
  ),
  mutant(
    'what others rest on is changed',
    authority,
    'saved.has(row) ? []',
    'saved.has(row) || saved.size > 0 ? []',
  ),
  mutant(
    'a flag is deleted that a segment of the same name rests on',
    'flag-references.ts',
    "name) => ({ kind: 'flag', name }) as const",
    "name) => ({ kind: 'segment', name }) as const",
  ),
  mutant(
    'the first fault is taken for one that was there before',
    authority,
    'before.includes(toText(fault))\n',
    'before.length === 0\n',
  ),
  mutant(
    'the version an editor sent is stored',
    draft,
    'const { version: _, ...definition } = copy as unknown as StoredFlag',
    'const definition = copy as unknown as StoredFlag',
  ),
  mutant(
    'a deletion of nothing is a change',
    draft,
    'if (next === null && current === undefined) return undefined\n',
    '',
  ),
  mutant('a deletion of nothing passes for a change', authority, ', isUnchanged: true }', ' }'),
  mutant(
    'the history goes back in time with the clock',
    authority,
    'Math.max(this.#options.now(), this.#changedAtMs)',
    'this.#options.now()',
  ),
  mutant(
    'the history holds what came after as what was before',
    draft,
    'before: current?.definition ?? null',
    'before: saved?.definition ?? null',
  ),
  mutant(
    'one change too many is forgotten',
    draft,
    'const forgetUpToVersion = version - maxHistory',
    'const forgetUpToVersion = version - maxHistory + 1',
  ),
  mutant(
    'nothing is forgotten',
    draft,
    'const forgetUpToVersion = version - maxHistory',
    'const forgetUpToVersion = 0',
  ),
  mutant(
    'who asks after a change gets the ruleset before it',
    authority,
    '    this.#bytes = draft.bytes\n    this.#ruleset = undefined\n',
    '    this.#bytes = draft.bytes\n    if (steps.at(-1)?.write.saved === null) this.#ruleset = undefined\n',
  ),
  mutant(
    'a flag named __proto__ is lost',
    'flag-rows.ts',
    '  return Object.fromEntries(entries)',
    '  const record: Record<string, T> = {}\n  for (const [name, value] of entries) record[name] = value\n  return record',
  ),
  mutant(
    'control characters are good for a name',
    'flag-change-faults.ts',
    '&& !/\\p{Cc}/u.test(String(name))',
    '',
  ),
  mutant(
    'a version that changed during a put is taken for published',
    publisher,
    'publishedVersion: version,',
    'publishedVersion: authority.version,',
  ),
  mutant(
    'a put that failed is taken for published',
    publisher,
    '        failures: failures + 1,',
    '        failures: failures + 1,\n        publishedVersion: version,',
  ),
  mutant(
    'what an object was putting when it ended is forgotten',
    publisher,
    'if (found?.isPutting) {',
    'if (found === null) {',
  ),
  mutant(
    'a put without a clear answer is taken for refused',
    publisher,
    'doubtfulAtMs: isRefused ? doubtfulAtMs : endedAtMs',
    'doubtfulAtMs',
  ),
  mutant(
    'any put settles what may come late',
    publisher,
    'doubtfulAtMs !== null && beganAtMs >= doubtfulAtMs + settleMs',
    'doubtfulAtMs !== null',
  ),
  mutant(
    'a second write follows at once',
    publisher,
    'return isKnown ? triedAtMs + writeSpacingMs : 0',
    'return isKnown ? triedAtMs : 0',
  ),
  mutant(
    'a change waits for the next try',
    publisher,
    '  noteChange(): void {\n    this.#retryAtMs = 0\n',
    '  noteChange(): void {\n    this.#retryAtMs += 60_000\n',
  ),
  mutant(
    'a failure is not reported',
    publisher,
    "      report({ type: 'store_error', client: 'feature-flags', operation: 'write', key, error })\n",
    '',
  ),
]
