import { open, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../config-source.ts'
import { createSourceError, notFound, toSourceError, tooLarge } from '../sources/source-error.ts'
import { decodeSourceText, maxTextBytes, toSyntax } from '../sources/source-text.ts'
import { untilAborted } from '../sources/until-aborted.ts'
import { toFilePath } from './file-path.ts'
import { isMissing, toFileError } from './file-error.ts'
import { watchPath } from './watch-path.ts'

/** How often a file is read that changes while it is. */
const maxReads = 5
const maxFiles = 1000
/** The link that Kubernetes moves when it replaces the files of a ConfigMap or a Secret, all at once. */
const swapLink = '..data'

/**
 * A configuration in a file, or in the files of a folder: its `*.yaml`, `*.yml` and `*.json` in the order of their names, without those that begin with a dot.
 *
 * A file has 1 MiB at most, in UTF-8, and there are 1,000 in a folder. One that changes while it is read is read again; write it elsewhere and rename it, so that no half of it is ever
 * there. A mounted ConfigMap or Secret of Kubernetes is read as it was at one moment. `watch` tells of changes, also of a file that is replaced by a rename, and of such a mount that is replaced.
 *
 * @param path A path, relative to the working directory, or a `file:` URI, whose percent-encoding is decoded.
 * @throws {TypeError} When it cannot be a path of this machine.
 *
 * @example
 * ```ts
 * import { fileSource } from '@codex/config/node'
 *
 * const source = fileSource('config/base.yaml')
 * ```
 */
export function fileSource(path: string): ConfigSource {
  return new FileSource(path)
}

class FileSource implements ConfigSource {
  readonly uri: string
  readonly #path: string

  constructor(path: string) {
    const file = toFilePath(path)
    this.uri = file.uri
    // Of the directory at this time: a program may change it.
    this.#path = resolve(file.path)
  }

  async load({ signal }: SourceLoadOptions): Promise<readonly SourceDocument[]> {
    try {
      signal.throwIfAborted()
      return await untilAborted(this.#loadTwice(), signal)
    } catch (error) {
      throw toSourceError(this.uri, toFileError(this.uri, error), signal)
    }
  }

  watch(onChange: () => void): () => void {
    return watchPath(this.#path, onChange)
  }

  /** A path that leads through a link which is moved meanwhile may seem to lead nowhere, once. */
  async #loadTwice(): Promise<readonly SourceDocument[]> {
    try {
      return await this.#load()
    } catch (error) {
      if (!isMissing(error)) throw error
      return this.#load()
    }
  }

  async #load(): Promise<readonly SourceDocument[]> {
    const { uri } = this
    const found = await stat(this.#path)
    if (found.isDirectory()) return this.#loadFolder()
    return [{ uri, text: await readWhole(uri, this.#path), ...toSyntax(this.#path) }]
  }

  async #loadFolder(): Promise<readonly SourceDocument[]> {
    for (let reads = 0; reads < maxReads; reads++) {
      const link = await readSwapLink(this.#path)
      const isSame = async (): Promise<boolean> => (await readSwapLink(this.#path)) === link
      try {
        const folder = link === null ? this.#path : await realpath(join(this.#path, swapLink))
        const documents = await this.#readFolder(folder)
        if (await isSame()) return documents
      } catch (error) {
        // What the link led to is deleted after it was moved, and a file may be deleted after it was listed.
        if (!isMissing(error) && (await isSame())) throw error
      }
    }
    // Not missing, which would be an empty layer of an optional source.
    throw createSourceError(this.uri, 'unavailable', { reason: 'it changed with every read' })
  }

  async #readFolder(folder: string): Promise<readonly SourceDocument[]> {
    const names = (await readdir(folder))
      .filter((name) => !name.startsWith('.') && /\.(?:ya?ml|json)$/i.test(name))
      .sort()
    if (names.length === 0) throw notFound(this.uri)
    if (names.length > maxFiles) {
      const reason = `${maxFiles} files at most were wanted, received more`
      throw createSourceError(this.uri, 'too_large', { reason })
    }
    const documents: SourceDocument[] = []
    for (const name of names) {
      const uri = `${this.uri.replace(/\/$/, '')}/${name}`
      const text = await readWhole(uri, join(folder, name))
      documents.push({ uri, text, ...toSyntax(name) })
    }
    return documents
  }
}

async function readSwapLink(folder: string): Promise<string | null> {
  try {
    return await readlink(join(folder, swapLink))
  } catch {
    return null
  }
}

/** @throws {ConfigError} When it is larger than the limit, no file, no UTF-8, or changes with every read. */
async function readWhole(uri: string, path: string): Promise<string> {
  // Before it is opened: to open a pipe is to wait for somebody who writes.
  if (!(await stat(path)).isFile()) {
    throw createSourceError(uri, 'unavailable', { reason: 'it must be a file' })
  }
  const handle = await open(path)
  try {
    for (let reads = 0; reads < maxReads; reads++) {
      const before = await handle.stat({ bigint: true })
      if (before.size > maxTextBytes) throw tooLarge(uri, maxTextBytes)
      // One more than there should be, to see whether it grew.
      const bytes = new Uint8Array(Number(before.size) + 1)
      let length = 0
      for (;;) {
        const { bytesRead } = await handle.read(bytes, length, bytes.byteLength - length, length)
        length += bytesRead
        if (bytesRead === 0 || length === bytes.byteLength) break
      }
      const after = await handle.stat({ bigint: true })
      const isSame = before.mtimeNs === after.mtimeNs && before.size === after.size
      if (isSame && length < bytes.byteLength) {
        return decodeSourceText(uri, bytes.subarray(0, length))
      }
    }
  } finally {
    await handle.close()
  }
  throw createSourceError(uri, 'unavailable', { reason: 'it changed with every read' })
}
