import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ts from 'typescript'
import { parse } from 'yaml'

export const appFolder = resolve(import.meta.dirname, '../..')

export function readText(path: string): string {
  return readFileSync(`${appFolder}/${path}`, 'utf8')
}

export function readManifest(name: string): unknown {
  return parse(readText(`deploy/kubernetes/${name}.yaml`))
}

/** Of each manifest its type, and the entry of kubernetes-models that has it. */
export const manifestTypes = {
  configmap: ['IConfigMap', 'v1'],
  deployment: ['IDeployment', 'apps/v1'],
  'disruption-budget': ['IPodDisruptionBudget', 'policy/v1'],
  secret: ['ISecret', 'v1'],
  service: ['IService', 'v1'],
} as const

/**
 * What the compiler has against manifests: fields that are misspelt or that Kubernetes does not know, which its schemas let
 * through. All in one call, which takes a second.
 */
export function findTypeErrors(
  manifests: readonly (readonly [keyof typeof manifestTypes, unknown])[],
): string[] {
  const file = `${appFolder}/test/deploy/manifests-as-code.ts`
  const code = manifests.map(([name, manifest]) => {
    const [type, entry] = manifestTypes[name]
    return `import('kubernetes-models/${entry}').${type} = ${JSON.stringify(manifest)}`
  })
  const text = code.map((line, index) => `export const m${index}: ${line}\n`).join('')
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }
  const host = ts.createCompilerHost(options)
  const isReal = host.fileExists.bind(host)
  const readReal = host.readFile.bind(host)
  host.fileExists = (path) => path === file || isReal(path)
  host.readFile = (path) => (path === file ? text : readReal(path))
  const program = ts.createProgram({ rootNames: [file], options, host })
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}
