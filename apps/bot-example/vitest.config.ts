import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{src,test}/**/*.test.ts'],
    // Builds the file of the image, which most tests of the process run.
    globalSetup: './test/build-image-file.ts',
    // Only against what hangs: far above the slowest test on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
