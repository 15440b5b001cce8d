import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** A guide whose examples are tests. */
function readGuide(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url).href), 'utf8')
}

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.jsonc' } })],
        test: {
          name: 'workerd',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/node/**'],
          // Above the slowest test many times over, so that a busy machine fails none.
          testTimeout: 30_000,
          // Handed in, because tests inside workerd see no files and packages import nothing from outside of them.
          provide: {
            cachePatternGuide: readGuide('choosing-a-cache-pattern.md'),
            coordinationGuide: readGuide('coordination.md'),
            edgeSimulatorGuide: readGuide('edge-simulator.md'),
            limiterGuide: readGuide('choosing-a-limiter.md'),
            sessionsGuide: readGuide('sessions.md'),
          },
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
