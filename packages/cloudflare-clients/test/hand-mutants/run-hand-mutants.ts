import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A change to the code after which some schedule must show what must not happen. */
export interface HandMutant {
  readonly name: string
  readonly changes: readonly {
    /** In the folder of the run. */
    readonly file: string
    /** Occurs once in the file. */
    readonly from: string
    readonly to: string
  }[]
}

export interface HandMutantRun {
  readonly mutants: readonly HandMutant[]
  /** Where the mutants are, such as `src/lib/session`. */
  readonly folder: string
  /** What the script needs beside the folder and `src/lib/shared` and `src/lib/testing`. */
  readonly copied: readonly string[]
  /** Prints by what a violation was found, or nothing. */
  readonly script: string
  /** Of the script. */
  readonly toArgs: (mutant: HandMutant) => readonly number[]
}

export function mutant(name: string, file: string, from: string, to: string): HandMutant {
  return { name, changes: [{ file, from, to }] }
}

const root = join(import.meta.dirname, '../..')

/** Breaks the code in one way at a time, in a copy, and sees whether the script finds it. The process fails where one is not found. */
export function runHandMutants(run: HandMutantRun): void {
  const { mutants, folder, copied } = run
  const [, , part = ''] = process.argv
  const chosen = mutants.filter(({ name }) => name.includes(part))
  for (const { file, from } of mutants.flatMap(({ changes }) => changes)) {
    if (readFileSync(join(root, folder, file), 'utf8').split(from).length === 2) continue
    // Before the first of them, which all together take minutes.
    throw new Error(`Cannot run mutants: ${file} must hold ${JSON.stringify(from)} once`)
  }
  const copy = mkdtempSync(join(tmpdir(), 'hand-mutants-'))
  let survivors = 0
  try {
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
    for (const path of [folder, 'src/lib/shared', 'src/lib/testing', ...copied]) {
      cpSync(join(root, path), join(copy, path), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    for (const each of chosen) {
      const found = tryMutant(each, run, copy)
      if (found === undefined) survivors++
      console.log(`${found === undefined ? 'SURVIVED' : 'found   '}  ${each.name}: ${found ?? '-'}`)
    }
  } finally {
    rmSync(copy, { recursive: true })
  }
  console.log(`\n${chosen.length - survivors} of ${chosen.length} mutants found`)
  if (survivors > 0) process.exitCode = 1
}

/** @returns How it was found. */
function tryMutant(
  each: HandMutant,
  { folder, script, toArgs }: HandMutantRun,
  copy: string,
): string | undefined {
  const sources = new Map<string, string>()
  try {
    for (const { file, from, to } of each.changes) {
      const path = join(copy, folder, file)
      const source = readFileSync(path, 'utf8')
      if (!sources.has(path)) sources.set(path, source)
      writeFileSync(
        path,
        source.replace(from, () => to),
      )
    }
    const args = [join(copy, script), ...toArgs(each).map(String)]
    const { status, stdout, stderr } = spawnSync(process.execPath, args)
    if (status !== 0) throw new Error(`Cannot run a mutant: ${stderr.toString()}`)
    return stdout.toString().trim() || undefined
  } finally {
    for (const [path, source] of sources) writeFileSync(path, source)
  }
}
