import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: './wrangler.jsonc' },
      miniflare: {
        bindings: {
          D1_MIGRATIONS: await readD1Migrations(`${import.meta.dirname}/../database/migrations`),
        },
      },
    })),
  ],
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Only against what hangs: far above the slowest test on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
