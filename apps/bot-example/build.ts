import { join } from 'node:path'
import { build } from 'esbuild'

const [folder = 'dist'] = process.argv.slice(2)

// One file with all that is imported. Node strips no types below node_modules, where an installation would have the workspace's packages.
await build({
  entryPoints: ['src/main.ts'],
  outfile: join(folder, 'main.mjs'),
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: true,
  legalComments: 'linked',
  logLevel: 'warning',
  // For the CommonJS among it, which requires modules of Node.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
})
