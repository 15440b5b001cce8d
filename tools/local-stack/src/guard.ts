// Runs a program (the arguments) as long as the process that started this one is there. When that one goes away, however
// it goes, even by SIGKILL, the channel between the two closes, and everything in this process group is stopped with it.
// That is what keeps workerd from outliving a test run that was killed.
import { spawn } from 'node:child_process'

const graceMs = 5_000

const child = spawn(process.execPath, ['--no-warnings', ...process.argv.slice(2)], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
})

child.on('message', (message) => {
  if (process.connected) process.send?.(message)
})

child.on('exit', () => {
  // The leader of the group takes along what the program left behind, and itself.
  process.kill(-process.pid, 'SIGKILL')
})

process.on('disconnect', () => {
  child.kill('SIGTERM')
  setTimeout(() => process.kill(-process.pid, 'SIGKILL'), graceMs)
})

// Signals come from the parent's disconnect alone; a Ctrl+C in the terminal reaches the parent.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => {
  child.kill('SIGTERM')
})
