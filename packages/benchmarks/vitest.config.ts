import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    // Only against what hangs: far above the slowest test on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
