import type { CacheLibrary } from '../libraries/cache-under-test.ts'
import { bundleWorker } from './bundle-worker.ts'
import { startWorker, type StartedWorker } from './start-worker.ts'

/** The name under which a library's file exports it: `cache-manager.ts` exports `cacheManager`. */
function exportName(id: string): string {
  return id.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * Bundles a worker with one library and none of the others, and starts it with Node's modules, which half of them need.
 *
 * @param worker - Name of a file in `src/workers`, whose export of that name makes a worker of a library.
 */
export async function startLibraryWorker(
  library: CacheLibrary,
  worker: string,
): Promise<StartedWorker> {
  const libraryName = exportName(library.id)
  const workerName = exportName(worker)
  const script = await bundleWorker(
    [
      `import { ${libraryName} } from './libraries/${library.id}.ts'`,
      `import { ${workerName} } from './workers/${worker}.ts'`,
      `export default ${workerName}(${libraryName})`,
    ].join('\n'),
  )
  return startWorker(script, { nodejsCompat: true })
}
