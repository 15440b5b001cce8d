import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The one file of the image, in a folder where nothing else is. */
    imageFile: string
  }
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'bot-example-image-'))
  execFileSync(process.execPath, ['build.ts', folder], { cwd: resolve(import.meta.dirname, '..') })
  project.provide('imageFile', join(folder, 'main.mjs'))
  return () => {
    rmSync(folder, { recursive: true })
  }
}
