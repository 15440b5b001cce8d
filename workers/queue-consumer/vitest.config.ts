import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: './wrangler.jsonc' },
      miniflare: {
        bindings: {
          D1_MIGRATIONS: await readD1Migrations(
            `${import.meta.dirname}/../../packages/database/migrations`,
          ),
        },
      },
    })),
  ],
  // Above the slowest test many times over, so that a busy machine fails none.
  test: { include: ['src/**/*.test.ts', 'test/**/*.test.ts'], testTimeout: 30_000 },
})
