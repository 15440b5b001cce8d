// A program of its own, so that wrangler's settings reach it through its environment: seed-state.ts <state directory> [environment]
import { createDatabase } from '@codex/database'
import { seed } from '@codex/database/seed'
import { hashPassword } from 'better-auth/crypto'
import { getPlatformProxy } from 'wrangler'
import { repository } from './repository.ts'
import { persistDirectory } from './wrangler.ts'

const [, , stateDirectory, environment] = process.argv
if (stateDirectory === undefined) throw new TypeError('Cannot seed: no state directory was given')

const platform = await getPlatformProxy<{ DB: D1Database; MEDIA: R2Bucket }>({
  configPath: repository.workerConfigs[0],
  persist: { path: persistDirectory(stateDirectory) },
  remoteBindings: false,
  ...(environment !== undefined && { environment }),
})
try {
  const { DB, MEDIA } = platform.env
  await seed(createDatabase(DB), { hashPassword, bucket: MEDIA })
} finally {
  await platform.dispose()
}
