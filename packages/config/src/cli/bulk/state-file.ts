import { readFile, rename, rm, writeFile } from 'node:fs/promises'

/** What long work has done, in a file beside it, so that the same command goes on after an end in the middle. */
export class StateFile<T extends object> {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** `null`: nothing was begun. */
  async read(): Promise<T | null> {
    try {
      return JSON.parse(await readFile(this.path, 'utf8')) as T
    } catch (error) {
      if (error instanceof SyntaxError) {
        throw new TypeError(
          `Cannot read what was done so far: ${JSON.stringify(this.path)} must be what an earlier run wrote, received something else`,
          { cause: error },
        )
      }
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  async write(state: T): Promise<void> {
    await writeWhole(this.path, `${JSON.stringify(state)}\n`)
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

/** Nobody sees half of it, and a crash leaves the old one. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await writeFile(temporary, content)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
