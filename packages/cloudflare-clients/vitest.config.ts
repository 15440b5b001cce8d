import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const guide = fileURLToPath(new URL('../../docs/edge-simulator.md', import.meta.url).href)

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.jsonc' } })],
        test: {
          name: 'workerd',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/node/**'],
          // Handed in, because tests inside workerd see no files and packages import nothing from outside of them.
          provide: { edgeSimulatorGuide: readFileSync(guide, 'utf8') },
        },
      },
      // What is seen from outside a Worker, over HTTP, and long simulations, which are several times faster here.
      { test: { name: 'node', include: ['test/node/**/*.test.ts'], testTimeout: 30_000 } },
    ],
    coverage: {
      enabled: true,
      provider: 'istanbul',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 90, branches: 90, functions: 90, statements: 90 },
    },
  },
})
