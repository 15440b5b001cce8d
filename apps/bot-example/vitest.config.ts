import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{src,test}/**/*.test.ts'],
    // Builds the file of the image, which most tests of the process run.
    globalSetup: './test/build-image-file.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
