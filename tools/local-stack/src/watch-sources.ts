import { type FSWatcher, watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from './repository.ts'

const quietMs = 150

/** The folders whose files end up in the built web app. */
export async function webSourceFolders(): Promise<string[]> {
  const packages = await readdir(repository.packages)
  const folders = [
    join(repository.web, 'src'),
    join(repository.web, 'static'),
    ...packages.map((name) => join(repository.packages, name, 'src')),
  ]
  const present = await Promise.all(folders.map((path) => isFolder(path)))
  return folders.filter((_, index) => present[index])
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * Calls `rebuild` after files in the folders changed and then kept still for 150 ms. Changes made while it runs lead to
 * one more run after it; two never overlap.
 *
 * @returns A function that stops watching.
 */
export function watchSources(
  folders: readonly string[],
  rebuild: (changedFiles: ReadonlySet<string>) => Promise<void>,
): () => void {
  let changedFiles = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let running = false

  async function run(): Promise<void> {
    if (running) return
    running = true
    while (changedFiles.size > 0) {
      const files = changedFiles
      changedFiles = new Set()
      await rebuild(files)
    }
    running = false
  }

  const watchers: FSWatcher[] = folders.map((folder) =>
    watch(folder, { recursive: true }, (_event, file) => {
      if (file === null || /\.test(?:-d)?\.ts$|~$|\.swp$/.test(file)) return
      changedFiles.add(join(folder, file))
      clearTimeout(timer)
      timer = setTimeout(() => void run(), quietMs)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
