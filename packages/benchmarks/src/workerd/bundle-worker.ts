import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'

const sourceFolder = join(import.meta.dirname, '..')

export interface BundleOptions {
  /** Whether to make names smaller and drop what is not needed, as for production. Default false. */
  readonly minify?: boolean
}

/**
 * Bundles one module that is written here for workerd, the way wrangler does: Node's built-in modules stay imports,
 * with their prefix, and a `require` of one becomes an import.
 *
 * @param source - The text of the entry; its relative imports start in `src`.
 */
export async function bundleWorker(source: string, options: BundleOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: sourceFolder, loader: 'ts', sourcefile: 'entry.ts' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    minify: options.minify ?? false,
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    define: { 'process.env.NODE_ENV': '"production"' },
    external: ['cloudflare:*'],
    plugins: [nodeBuiltins],
    logLevel: 'silent',
  })
  const output = outputFiles[0]
  if (!output) throw new Error('esbuild wrote nothing')
  return output.text
}

const requiredBuiltin = 'required-builtin'

/** Without it a `require` of a built-in module would be left in the bundle, where there is no `require`. */
const nodeBuiltins: Plugin = {
  name: 'node-builtins',
  setup(plugin) {
    plugin.onResolve({ filter: /.*/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined
      const name = path.startsWith('node:') ? path : `node:${path}`
      return kind === 'require-call'
        ? { path: name, namespace: requiredBuiltin }
        : { path: name, external: true, sideEffects: false }
    })
    plugin.onLoad({ filter: /.*/, namespace: requiredBuiltin }, ({ path }) => ({
      contents: `import builtin from ${JSON.stringify(path)}; module.exports = builtin`,
      loader: 'js',
    }))
  },
}
