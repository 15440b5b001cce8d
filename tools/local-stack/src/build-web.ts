import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { repository } from './repository.ts'
import { runProgram } from './wrangler.ts'

/**
 * Builds the web app into the folder that its wrangler.jsonc serves.
 *
 * @throws {Error} With vite's output, when the build fails.
 */
export async function buildWeb(): Promise<void> {
  const require = createRequire(join(repository.web, 'package.json'))
  const viteProgram = join(dirname(require.resolve('vite/package.json')), 'bin/vite.js')
  await runProgram('build the web app', { args: [viteProgram, 'build'], cwd: repository.web })
}
