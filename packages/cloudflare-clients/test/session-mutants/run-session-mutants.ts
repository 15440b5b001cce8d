import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SessionMutant, sessionMutants } from './session-mutants.ts'

/**
 * Breaks sessions in one way at a time, in a copy, and sees whether the fuzz finds it:
 * `pnpm --filter @codex/cloudflare-clients mutate:sessions [part of a name]`. Fails where one is not found.
 */
const root = join(import.meta.dirname, '../..')
const copied = [
  'src/lib/kv',
  'src/lib/session',
  'src/lib/shared',
  'src/lib/testing',
  'test/session-fuzz',
  'test/session-mutants',
]
const runs = 4000

const [, , part = ''] = process.argv
const chosen = sessionMutants.filter(({ name }) => name.includes(part))
for (const { file, from } of chosen) {
  if (readFileSync(join(root, 'src/lib/session', file), 'utf8').split(from).length === 2) continue
  // Before the first of them, which all together take minutes.
  throw new Error(`Cannot run mutants: ${file} must hold ${JSON.stringify(from)} once`)
}

const copy = mkdtempSync(join(tmpdir(), 'session-mutants-'))
let survivors = 0
try {
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
  for (const path of copied) cpSync(join(root, path), join(copy, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const mutant of chosen) {
    const found = tryMutant(mutant)
    if (found === undefined) survivors++
    console.log(`${found === undefined ? 'SURVIVED' : 'found   '}  ${mutant.name}: ${found ?? '-'}`)
  }
} finally {
  rmSync(copy, { recursive: true })
}
console.log(`\n${chosen.length - survivors} of ${chosen.length} mutants found`)
if (survivors > 0) process.exitCode = 1

/** @returns How it was found. */
function tryMutant({ file, from, to }: SessionMutant): string | undefined {
  const path = join(copy, 'src/lib/session', file)
  const source = readFileSync(path, 'utf8')
  try {
    writeFileSync(
      path,
      source.replace(from, () => to),
    )
    const script = join(copy, 'test/session-mutants/find-violation.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, String(runs)])
    if (status !== 0) throw new Error(`Cannot run a mutant: ${stderr.toString()}`)
    return stdout.toString().trim() || undefined
  } finally {
    writeFileSync(path, source)
  }
}
