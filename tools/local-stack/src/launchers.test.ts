import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { isRunning } from './launchers.ts'

it('tells a running process from one that ended', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
  await once(child, 'spawn')
  const id = child.pid
  if (id === undefined) throw new Error('Expected a process id')
  expect(isRunning(id)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(isRunning(id)).toBe(false)
})
