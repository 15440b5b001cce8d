import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mutants } from './mutants.ts'

/**
 * Makes one small change to the cache's deciding code at a time, and sees whether a test notices.
 *
 * `pnpm --filter @codex/cloudflare-clients mutate [file]` changes files in place and puts them back, so the tree must be
 * clean. The survivors are listed at the end; fewer than nine in ten killed is a failure.
 */
const root = join(import.meta.dirname, '../..')
const minKilledShare = 0.9

const changed = execFileSync('git', ['status', '--porcelain', 'src'], { cwd: root }).toString()
if (changed !== '') throw new Error('Cannot run mutants: src must have no uncommitted changes')

const [, , onlyFile] = process.argv
const chosen = mutants.filter(({ file }) => onlyFile === undefined || file.includes(onlyFile))
const survivors: string[] = []

function areTestsPassing(): boolean {
  const units = ['src/lib/cache', 'src/lib/shared', 'src/lib/kv/key-', 'src/lib/kv/circuit-']
  const tests = [...units, 'test/cache-', 'test/node/cache-fuzz']
  // Many a mutant makes a test hang, which is no reason to wait for long.
  const options = ['--coverage.enabled=false', '--bail=1', '--reporter=dot', '--testTimeout=20000']
  return spawnSync('vitest', ['run', ...tests, ...options], { cwd: root }).status === 0
}

// Otherwise every mutant would count as killed.
if (!areTestsPassing()) throw new Error('Cannot run mutants: the tests must pass without them')

for (const [index, { file, from, to }] of chosen.entries()) {
  const path = join(root, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(from).length !== 2) {
    throw new Error(`Cannot run mutants: ${file} must hold ${JSON.stringify(from)} once`)
  }
  try {
    writeFileSync(
      path,
      source.replace(from, () => to),
    )
    const isKilled = !areTestsPassing()
    const label = `${file}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`
    if (!isKilled) survivors.push(label)
    console.log(`${index + 1}/${chosen.length} ${isKilled ? 'killed' : 'SURVIVED'}  ${label}`)
  } finally {
    writeFileSync(path, source)
  }
}

const killedShare = 1 - survivors.length / chosen.length
console.log(`\n${chosen.length - survivors.length} of ${chosen.length} mutants killed`)
for (const survivor of survivors) console.log(`survived: ${survivor}`)
if (killedShare < minKilledShare) process.exitCode = 1
