import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { isRunning } from './launchers.ts'
import { pollUntil } from './story/poll-until.ts'

const guardFile = join(import.meta.dirname, 'guard.ts')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-guard-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A program that starts another, writes down both ids, ignores SIGTERM and never ends, as badly behaved as it gets. */
async function writeStubbornProgram(): Promise<{ program: string; ids: () => Promise<number[]> }> {
  const program = join(folder, 'stubborn.mjs')
  const idsFile = join(folder, 'ids')
  await writeFile(
    program,
    `import { spawn } from 'node:child_process'
     import { renameSync, writeFileSync } from 'node:fs'
     process.on('SIGTERM', () => undefined)
     const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
     writeFileSync(${JSON.stringify(`${idsFile}.part`)}, process.pid + ' ' + child.pid)
     renameSync(${JSON.stringify(`${idsFile}.part`)}, ${JSON.stringify(idsFile)})
     setInterval(() => undefined, 1000)`,
  )
  const ids = (): Promise<number[]> =>
    pollUntil('the program has written its process ids', async () => {
      const text = await readFile(idsFile, 'utf8').catch(() => null)
      return text === null ? null : text.split(' ').map(Number)
    })
  return { program, ids }
}

it('ends everything under it when the process that started it is killed', async () => {
  const { program, ids } = await writeStubbornProgram()
  const parentFile = join(folder, 'parent.mjs')
  await writeFile(
    parentFile,
    `import { fork } from 'node:child_process'
     fork(${JSON.stringify(guardFile)}, [${JSON.stringify(program)}], { detached: true, stdio: 'ignore' })
     setInterval(() => undefined, 1000)`,
  )
  const parent = spawn(process.execPath, [parentFile])
  const started = await ids()
  expect(started.map(isRunning)).toEqual([true, true])
  parent.kill('SIGKILL')
  await pollUntil('both processes are gone', () => !started.some(isRunning))
})

it('takes along what a program leaves behind when it ends by itself', async () => {
  const { program, ids } = await writeStubbornProgram()
  const guard = fork(guardFile, [program], { detached: true, stdio: 'ignore' })
  const [programId = 0, childId = 0] = await ids()
  process.kill(programId, 'SIGKILL')
  await once(guard, 'exit')
  await pollUntil('the other process is gone', () => !isRunning(childId))
})
