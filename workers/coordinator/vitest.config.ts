import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.jsonc' } })],
  // Above the slowest test many times over, so that a busy machine fails none.
  test: { include: ['test/**/*.test.ts'], testTimeout: 30_000 },
})
