import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const inNode = ['src/cli/**/*.test.ts', 'src/lib/node/**/*.test.ts', 'test/node/**/*.test.ts']

/** Runs where the suite is, whose path this is: see docs/json-schema-conformance.md. */
const hasJsonSchemaSuite = process.env.JSON_SCHEMA_TEST_SUITE !== undefined

/** Only against what hangs: far above the slowest test on a busy machine. */
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.jsonc' } })],
        test: {
          name: 'workerd',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: inNode,
          // A workerd for each file would take longer. Each finds it empty.
          isolate: false,
          setupFiles: ['./test/support/begin-empty.ts'],
          ...timeouts,
        },
      },
      // What needs files, processes or sockets, and long simulations.
      {
        test: {
          name: 'node',
          include: inNode,
          exclude: hasJsonSchemaSuite ? [] : ['test/node/json-schema-test-suite.test.ts'],
          ...timeouts,
        },
      },
    ],
  },
})
