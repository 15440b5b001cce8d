import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

const shells = new Set(['sh', 'dash', 'bash', 'zsh', 'ash', 'busybox'])
const packageManager = /\b(?:npm|npx|pnpm|pnpx|corepack)\b/

/**
 * The processes above this one that belong to the package script that started it: `npx`, `pnpm` and the shells between
 * them, nearest first. The shell that a person typed the command in is not one of them.
 *
 * Reads `/proc`; where there is none (macOS) the answer is the parent alone.
 */
export function launcherProcessIds(): number[] {
  const ids: number[] = []
  let launcherCount = 0
  for (let id = process.ppid; id > 1;) {
    const found = readProcess(id)
    if (found === null) break
    ids.push(id)
    const [program = '', ...args] = found.command
    const isShell = shells.has(basename(program)) && args[0] === '-c'
    if (packageManager.test(found.command.join(' ')) && !isShell) launcherCount = ids.length
    else if (!shells.has(basename(program)) && basename(program) !== 'node') break
    id = found.parentId
  }
  return launcherCount === 0 ? [process.ppid] : ids.slice(0, launcherCount)
}

/** Whether a process is there. One that only waits to be collected by its parent counts as gone. */
export function isRunning(id: number): boolean {
  const found = readProcess(id)
  if (found !== null) return found.state !== 'Z'
  try {
    process.kill(id, 0)
    return true
  } catch {
    return false
  }
}

function readProcess(id: number): {
  readonly command: readonly string[]
  readonly parentId: number
  readonly state: string
} | null {
  try {
    const command = readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0')
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8')
    // The name in parentheses may hold anything; the fields after it are state and parent id.
    const [state = '', parentId = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { command, parentId: Number(parentId), state }
  } catch {
    return null
  }
}
