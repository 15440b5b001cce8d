import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** A guide whose examples are tests. */
function readGuide(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url).href), 'utf8')
}

const stubFolder = new URL('./test/node/kv-http/workers-stubs/', import.meta.url)
const workersStubs = {
  'cloudflare:workers': fileURLToPath(new URL('cloudflare-workers.ts', stubFolder).href),
  'cloudflare:test': fileURLToPath(new URL('cloudflare-test.ts', stubFolder).href),
}
/** Only against what hangs: far above the slowest test on a busy machine. */
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000 }
/** Those whose namespace is the runtime's. */
const suitesOnHttpKV = [
  'src/lib/kv/{delete-key,kv-store,metered-kv}.test.ts',
  'src/lib/cache/{cache-client,kv-cache}.test.ts',
  'src/lib/session/session-cache-client.test.ts',
  'src/lib/rate-limiter/rate-limiter-client.test.ts',
  'test/kv-limits.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.jsonc' } })],
        test: {
          name: 'workerd',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/node/**'],
          // A workerd for each file would take longer. Each finds it empty.
          isolate: false,
          setupFiles: ['./test/support/begin-empty.ts'],
          ...timeouts,
          // Handed in, because tests inside workerd see no files and packages import nothing from outside of them.
          provide: {
            cachePatternGuide: readGuide('choosing-a-cache-pattern.md'),
            coordinationGuide: readGuide('coordination.md'),
            edgeSimulatorGuide: readGuide('edge-simulator.md'),
            flagsGuide: readGuide('feature-flags.md'),
            flagsOpenFeatureGuide: readGuide('feature-flags-openfeature.md'),
            limiterGuide: readGuide('choosing-a-limiter.md'),
            r2Guide: readGuide('r2.md'),
            sessionsGuide: readGuide('sessions.md'),
          },
        },
      },
      // What is seen from outside a Worker, over HTTP, and long simulations, which are several times faster here.
      {
        test: {
          name: 'node',
          include: ['test/node/**/*.test.ts'],
          ...timeouts,
          provide: { kvHttpGuide: readGuide('kv-over-http.md') },
        },
      },
      // Suites of clients as they are, in Node, on KV over HTTP in place of the runtime's.
      {
        resolve: { alias: workersStubs },
        test: { name: 'kv-http', include: suitesOnHttpKV, ...timeouts },
      },
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
