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
    // Passwords are hashed for real, which takes long on a busy machine.
    testTimeout: 30_000,
  },
})
