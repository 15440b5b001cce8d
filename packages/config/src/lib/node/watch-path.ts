import { type FSWatcher, realpathSync, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/**
 * Tells of changes of a file or of a folder's files, until it is ended. It is the folder that is watched: a file that is replaced by a rename is another
 * one, and a ConfigMap of Kubernetes is replaced by moving a link in its folder. It may tell too often; where a platform cannot watch it tells nothing, and
 * the program goes on asking. It keeps no program running.
 */
export function watchPath(path: string, onChange: () => void): () => void {
  return new PathWatch(path, onChange).end
}

interface Target {
  readonly folder: string
  readonly watcher: FSWatcher | undefined
}

class PathWatch {
  readonly #path: string
  readonly #onChange: () => void
  readonly #parent: FSWatcher | undefined
  /** The folder itself, or that to which a link leads. */
  #target: Target | undefined
  #isEnded = false

  constructor(path: string, onChange: () => void) {
    this.#path = path
    this.#onChange = onChange
    this.#parent = this.#watch(dirname(path), basename(path))
    this.#watchTarget()
  }

  readonly end = (): void => {
    this.#isEnded = true
    this.#parent?.close()
    this.#target?.watcher?.close()
  }

  /** At once, so that no change after `watch` is missed. */
  #watchTarget(): void {
    const { folder, name } = findTarget(this.#path)
    if (folder === this.#target?.folder) return
    // A link that leads elsewhere now: the folder before may be deleted.
    this.#target?.watcher?.close()
    this.#target = folder === undefined ? undefined : { folder, watcher: this.#watch(folder, name) }
  }

  /** @param wanted Of what is in the folder. `undefined`: all. */
  #watch(folder: string, wanted: string | undefined): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        const isMeant = wanted === undefined || name === null || name === wanted
        if (this.#isEnded || !(isMeant || name.startsWith('..'))) return
        this.#watchTarget()
        this.#onChange()
      })
      // Such as that the folder is gone: the one above tells of that.
      watcher.on('error', () => {
        watcher.close()
      })
      return watcher
    } catch {
      // No such folder, or no more watches to be had.
      return undefined
    }
  }
}

/** What is to be watched beside the folder that the path is in. Nothing where that is enough, or where the path is not there yet. */
function findTarget(path: string): { readonly folder?: string; readonly name?: string } {
  try {
    const target = realpathSync(path)
    if (statSync(target).isDirectory()) return { folder: target }
    return target === path ? {} : { folder: dirname(target), name: basename(target) }
  } catch {
    return {}
  }
}
