import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startStack } from './start-stack.ts'

it('gives up when its time is over, and says at what', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'codex-start-'))
  try {
    await expect(startStack({ stateDirectory, startTimeoutMs: 1 })).rejects.toThrow(
      /^Cannot apply the database migrations: /,
    )
  } finally {
    await rm(stateDirectory, { recursive: true, force: true })
  }
})
