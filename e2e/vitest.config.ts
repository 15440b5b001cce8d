import { defineConfig } from 'vitest/config'
import { RunLast } from './src/run-last.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: './src/global-setup.ts',
    // One site for all of them, and some switch its KV off.
    fileParallelism: false,
    sequence: { sequencer: RunLast },
    // Only against what hangs: far above the slowest test on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
