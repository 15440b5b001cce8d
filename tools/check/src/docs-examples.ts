import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { extractExamples } from './extract-examples.ts'
import type { StepResult } from './step.ts'

const documents = [
  'README.md',
  '{packages,tools}/*/README.md',
  'docs/configuration.md',
  'packages/{cloudflare-clients,config}/src/**/*.ts',
]

/** Examples outside a package see what the one that they are about sees: this one, but for these documents. */
const productFolder = 'packages/cloudflare-clients'
const folderOfDocument: Readonly<Record<string, string>> = {
  'docs/configuration.md': 'packages/config',
}

/** What examples take for granted instead of saying it again each time. */
const prelude = `
/** The bindings of the Worker that the example is part of. */
declare namespace Cloudflare {
  interface Env {
    readonly AUTH_SESSION_KV: KVNamespace
    readonly RATE_LIMIT_KV: KVNamespace
    readonly CACHE_KV: KVNamespace
    readonly FLAGS_KV: KVNamespace
    readonly CONFIG_KV: KVNamespace
    readonly CONFIG: DurableObjectNamespace<
      import('@codex/config/durable-objects').ConfigObject
    >
    readonly SETTINGS: R2Bucket
    readonly ADA_TOKEN: string
    readonly DEPLOY_TOKEN: string
    readonly PIPELINE_TOKEN: string
    readonly FLAGS: DurableObjectNamespace<
      import('@codex/cloudflare-clients/durable-objects').FlagsObject
    >
    readonly EXPOSURES: AnalyticsEngineDataset
    readonly EXPOSURE_SECRET: string
    readonly FLAGSHIP: Flagship
    readonly COORDINATION: DurableObjectNamespace<
      import('@codex/cloudflare-clients/durable-objects').CoordinationObject
    >
    readonly RATE_LIMITER: DurableObjectNamespace<
      import('@codex/cloudflare-clients/durable-objects').RateLimiterObject
    >
    readonly SESSIONS: DurableObjectNamespace<
      import('@codex/cloudflare-clients/durable-objects').SessionObject
    >
    readonly SECONDARY_STORAGE: DurableObjectNamespace<
      import('@codex/cloudflare-clients/durable-objects').SecondaryStorageObject
    >
    readonly FLAGS: DurableObjectNamespace<
      import('@codex/cloudflare-clients/durable-objects').FlagsObject
    >
    readonly EXPOSURES: AnalyticsEngineDataset
    readonly DB: D1Database
    readonly MEDIA: R2Bucket
    readonly AUTH_SECRET: string
    readonly EXPOSURE_SECRET: string
    readonly SECONDARY_STORAGE_SECRET: string
    readonly SESSION_SECRET: string
  }
}
declare const env: Cloudflare.Env
/** The request being answered, the bearer token in its cookie, and the id it asks for. */
declare const request: Request
declare const token: string
/** A client that another example has made. */
declare const config: import('@codex/config').ConfigClient
declare const id: string
declare function loadUser(id: string): Promise<{ readonly id: string; readonly name: string }>
`

/** How an example begins that the guide's own test file runs, and the compiler sees there. */
const guideTest = 'test('

/** What an example imports that is no Worker. */
const nodeImport = /from '(?:node:|@codex\/config\/node')/

interface VirtualFile {
  readonly document: string
  readonly line: number
  readonly code: string
}

/**
 * Type-checks the examples in documents and docstrings, each as a module of its own inside its package, so that its
 * imports resolve as they do for that package's users.
 */
export function checkDocsExamples(root: string): StepResult {
  const examplesByProject = new Map<string, Map<string, VirtualFile>>()
  for (const document of globSync(documents, { cwd: root })) {
    if (document.endsWith('.test.ts')) continue
    const folder =
      /^(?:packages|tools)\/[^/]+/.exec(document)?.[0] ??
      folderOfDocument[document] ??
      productFolder
    for (const { code, line } of extractExamples(readFileSync(join(root, document), 'utf8'))) {
      if (code.startsWith(guideTest)) continue
      const project = projectOf(code, join(root, folder))
      const files = examplesByProject.get(project) ?? new Map<string, VirtualFile>()
      examplesByProject.set(project, files)
      const path = join(root, folder, `docs-example-${files.size + 1}.ts`)
      files.set(path, { document, line, code })
    }
  }

  const problems: string[] = []
  let count = 0
  for (const [project, files] of examplesByProject) {
    count += files.size
    problems.push(...diagnose(project, files))
  }
  if (problems.length > 0) return { ok: false, detail: problems.join('\n') }
  return { ok: true, detail: `${count} examples` }
}

/** The project whose types an example is compiled with. Node's and a Worker's globals are not the same. */
function projectOf(code: string, folder: string): string {
  const forNode = join(folder, 'tsconfig.node.json')
  return nodeImport.test(code) && existsSync(forNode) ? forNode : join(folder, 'tsconfig.json')
}

/** What the compiler says about the examples of one project. They exist only in memory. */
function diagnose(configFile: string, examples: ReadonlyMap<string, VirtualFile>): string[] {
  const folder = dirname(configFile)
  const config = existsSync(configFile) ? ts.readConfigFile(configFile, ts.sys.readFile) : null
  const { options } = ts.parseJsonConfigFileContent(
    config?.config ?? {},
    ts.sys,
    folder,
    undefined,
    configFile,
  )
  const preludePath = join(folder, 'docs-prelude.d.ts')
  const host = ts.createCompilerHost(options)
  const readReal = host.readFile.bind(host)
  const isReal = host.fileExists.bind(host)
  host.fileExists = (path) => path === preludePath || examples.has(path) || isReal(path)
  host.readFile = (path) => {
    if (path === preludePath) return prelude
    const example = examples.get(path)
    // Without an export it would be a script, and names in two examples would clash.
    return example === undefined ? readReal(path) : `${example.code}\nexport {}\n`
  }
  const program = ts.createProgram({
    rootNames: [...examples.keys(), preludePath],
    options: { ...options, noEmit: true, noUnusedLocals: false },
    host,
  })
  return [...examples].flatMap(([path, example]) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .filter((diagnostic) => diagnostic.file?.fileName === path)
      .map((diagnostic) => describe(diagnostic, example)),
  )
}

function describe(diagnostic: ts.Diagnostic, example: VirtualFile): string {
  const { file, start = 0 } = diagnostic
  const lineInExample = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
  return `${relative('.', example.document)}:${example.line + lineInExample} ${message}`
}
