import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LimitMutant, limitMutants } from './limit-mutants.ts'

/**
 * Breaks the limiter in one way at a time, in a copy, and sees whether the safety fuzz or a targeted case finds it:
 * `pnpm --filter @codex/cloudflare-clients mutate:limits [part of a name]`. Fails where one is not found.
 */
const root = join(import.meta.dirname, '../..')
const copied = [
  'src/lib/rate-limiter',
  'src/lib/shared',
  'src/lib/testing',
  'test/limit-fuzz',
  'test/limit-mutants',
]
const runs = 3000
const backendRuns = 300
/** Only the fuzz of the backend uses it. */
const backendFile = 'lease-backend.ts'

const [, , part = ''] = process.argv
const chosen = limitMutants.filter(({ name }) => name.includes(part))
for (const { changes } of limitMutants) {
  for (const { file, from } of changes) {
    if (readFileSync(join(root, 'src/lib/rate-limiter', file), 'utf8').split(from).length === 2)
      continue
    // Before the first of them, which all together take minutes.
    throw new Error(`Cannot run mutants: ${file} must hold ${JSON.stringify(from)} once`)
  }
}

const copy = mkdtempSync(join(tmpdir(), 'limit-mutants-'))
let survivors = 0
try {
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
  for (const path of copied) cpSync(join(root, path), join(copy, path), { recursive: true })
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
function tryMutant({ changes }: LimitMutant): string | undefined {
  const sources = new Map<string, string>()
  try {
    for (const { file, from, to } of changes) {
      const path = join(copy, 'src/lib/rate-limiter', file)
      const source = readFileSync(path, 'utf8')
      if (!sources.has(path)) sources.set(path, source)
      writeFileSync(
        path,
        source.replace(from, () => to),
      )
    }
    const script = join(copy, 'test/limit-mutants/find-violation.ts')
    const fuzzRuns = changes.every(({ file }) => file === backendFile) ? 0 : runs
    const args = [script, String(fuzzRuns), String(backendRuns)]
    const { status, stdout, stderr } = spawnSync(process.execPath, args)
    if (status !== 0) throw new Error(`Cannot run a mutant: ${stderr.toString()}`)
    return stdout.toString().trim() || undefined
  } finally {
    for (const [path, source] of sources) writeFileSync(path, source)
  }
}
