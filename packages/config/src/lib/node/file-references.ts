import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import type { ReferenceProvider } from '../load/reference-provider.ts'

export interface FileReferencesOptions {
  /** The folder that all files are in, such as `/run/secrets`. Keys are paths below it. */
  readonly root: string
  /** Whether what is in the files is secret. Default `true`. */
  readonly isSecret?: boolean
}

const maxFileBytes = 1_048_576

/**
 * `${file:database-password}`: the texts of files below one folder, as Docker, Kubernetes and systemd hand out secrets. One newline at the
 * end is taken off, since editors put it there.
 *
 * A key that leaves the folder, by `..`, as an absolute path or through a symbolic link, is a failure; links within it are followed. So is
 * what is no file, what is larger than 1 MiB, and what is not UTF-8. A file that is not there is no value.
 *
 * @throws `TypeError` where `root` is no path.
 *
 * @example
 * import { fileReferences } from '@codex/config/node'
 *
 * const references = { file: fileReferences({ root: '/run/secrets' }) }
 * // password: ${file:database/password}
 */
export function fileReferences({
  root,
  isSecret = true,
}: FileReferencesOptions): ReferenceProvider {
  if (root === '') {
    throw new TypeError('Cannot make file references: a root folder was wanted, received ""')
  }
  return {
    isSecret,
    async get(key, { signal }) {
      const path = resolve(root, key)
      if (isAbsolute(key) || key.includes('\0') || !isBelow(resolve(root), path)) {
        throw new OutsideRootError('Cannot read file: a path within the root was wanted')
      }
      try {
        // The root may itself be a link, and Kubernetes mounts its secrets as links to a folder beside them.
        const realPath = await realpath(path)
        if (!isBelow(await realpath(root), realPath)) {
          throw new OutsideRootError('Cannot read file: a link within the root was wanted')
        }
        return await readText(realPath, signal)
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
  }
}

class OutsideRootError extends Error {
  override readonly name = 'OutsideRootError'
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

async function readText(path: string, signal: AbortSignal): Promise<string> {
  // Without waiting: opening a named pipe would hang until somebody writes.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const { size } = await file.stat().then((stat) => {
      if (!stat.isFile()) throw new TypeError('Cannot read file: a file was wanted')
      return stat
    })
    if (size > maxFileBytes) throw new RangeError('Cannot read file: at most 1 MiB was wanted')
    signal.throwIfAborted()
    const bytes = await file.readFile()
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
      .decode(bytes)
      .replace(/\r?\n$/, '')
  } finally {
    await file.close()
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'ENOENT' || code === 'ENOTDIR'
}
