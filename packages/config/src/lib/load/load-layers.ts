import { ConfigError, type ConfigErrorCode, type ConfigFault } from '../config-error.ts'
import type { SourceDocument } from '../config-source.ts'
import type { ConfigPath } from '../config-tree.ts'
import { coerceUntyped } from './coerce-untyped.ts'
import { annotate, type ConfigNode } from './config-node.ts'
import { parsePath, parsePattern } from './config-path.ts'
import type { ConfigSchema } from './config-schema.ts'
import { applyOverrides } from './environment-overrides.ts'
import { fingerprint } from './fingerprint.ts'
import { createJsonSchemaValidator, type JsonSchemaValidator } from './json-schema-validator.ts'
import type { LoadConfigOptions } from './load-config.ts'
import { createLoadedConfig, type LoadedConfig } from './loaded-config.ts'
import { createWrittenView, markSecrets } from './mark-secrets.ts'
import { mergeLayers } from './merge-layers.ts'
import { parseDocument } from './parse-document.ts'
import { type Resolution, resolveReferences } from './resolve-references.ts'
import { type ResolvedSource, resolveSources } from './resolve-sources.ts'
import { deepFreeze, validateConfig } from './validate-config.ts'
import { type DeadlineOptions, timedOut, withDeadline } from './with-deadline.ts'

/** What each stage found wrong, before the next one that can run. */
interface Findings {
  readonly code: ConfigErrorCode
  readonly faults: readonly ConfigFault[]
  readonly cause?: unknown
}

export async function loadLayers<T>(options: LoadConfigOptions<T>): Promise<LoadedConfig<T>> {
  const { schema, defaults, lists, references = {}, overrides, secrets = [] } = options
  const deadline = readDeadline(options)
  const validator = schema && createValidator(schema)
  const patterns = secrets.map(parsePattern)
  const sources = resolveSources(options)

  const { documents, findings } = await readSources(sources, deadline)
  const layers: ConfigNode[] = []
  if (defaults) layers.push(annotate(defaults, () => ({ uri: 'defaults:' })))
  const corrupt: ConfigFault[] = []
  for (const document of documents) {
    try {
      const { tree, originOf } = parseDocument(document)
      layers.push(
        annotate(tree, originOf, {
          isUntyped: 'tree' in document && document.isUntyped === true,
        }),
      )
    } catch (error) {
      corrupt.push(...faultsOf(error, document.uri))
    }
  }
  refuse(findings, { code: 'corrupt', faults: corrupt })

  const merged = mergeLayers(layers, { ...(lists && { lists }) })
  const overridden = overrides
    ? applyOverrides(merged, overrides, validator)
    : { root: merged, faults: [] }
  const marked = markSecrets(overridden.root, patterns)
  const resolution = await resolve(marked.root, references, deadline)
  const root = validator ? coerceUntyped(resolution.root, validator) : resolution.root
  const validation = await validateConfig(root, schema, validator)
  refuse({ code: 'invalid', faults: [...overridden.faults, ...marked.faults] }, resolution, {
    code: 'invalid',
    faults: validation.ok ? [] : apartFrom(validation.faults, resolution),
  })
  if (!validation.ok) throw new TypeError('Cannot load configuration: it is not valid')

  const versions = documents.flatMap((document): [string, number][] =>
    'text' in document && document.version !== undefined ? [[document.uri, document.version]] : [],
  )
  return createLoadedConfig({
    value: deepFreeze(validation.value),
    root,
    versions: Object.freeze(Object.fromEntries(versions)),
    sources: Object.freeze(documents.map(({ uri }) => uri)),
    fingerprint: await fingerprint(root),
    showWritten: createWrittenView(references),
  })
}

function readDeadline<T>(options: LoadConfigOptions<T>): DeadlineOptions {
  const { timeoutMs = 10_000, timers = globalThis, signal } = options
  if (!(timeoutMs >= 1 && timeoutMs <= 600_000)) {
    throw new RangeError(
      `Cannot load configuration: timeoutMs must be from 1 to 600,000, received ${timeoutMs}`,
    )
  }
  return { timeoutMs, timers, signal }
}

function createValidator<T>(schema: ConfigSchema<T>): JsonSchemaValidator | undefined {
  return 'jsonSchema' in schema ? createJsonSchemaValidator(schema.jsonSchema) : undefined
}

interface SourcesRead {
  readonly documents: readonly SourceDocument[]
  readonly findings: Findings
}

async function readSources(
  sources: readonly ResolvedSource[],
  deadline: DeadlineOptions,
): Promise<SourcesRead> {
  const outcomes = await Promise.all(sources.map((source) => readSource(source, deadline)))
  const failures = outcomes.flatMap((outcome) => ('code' in outcome ? [outcome] : []))
  const [first] = failures
  return {
    documents: outcomes.flatMap((outcome) => ('code' in outcome ? [] : outcome)),
    findings: {
      code: first?.code ?? 'unavailable',
      faults: failures.flatMap(({ faults }) => faults),
      cause: first?.cause,
    },
  }
}

async function readSource(
  { source, isOptional }: ResolvedSource,
  deadline: DeadlineOptions,
): Promise<readonly SourceDocument[] | Findings> {
  const origin = { uri: source.uri }
  try {
    const documents = await withDeadline(async (signal) => source.load({ signal }), deadline)
    if (documents !== timedOut) return documents
    const reason = `The source gave nothing within ${deadline.timeoutMs} ms`
    return { code: 'timed_out', faults: [{ path: '', reason, origin }] }
  } catch (error) {
    deadline.signal?.throwIfAborted()
    if (!(error instanceof ConfigError)) {
      // What a foreign error says may hold anything, and so may its cause.
      return { code: 'unavailable', faults: [{ path: '', reason: 'The source failed', origin }] }
    }
    if (isOptional && error.code === 'not_found') return []
    return { code: error.code, faults: faultsOf(error, source.uri), cause: error }
  }
}

function faultsOf(error: unknown, uri: string): readonly ConfigFault[] {
  if (error instanceof ConfigError) {
    if (error.faults.length > 0) return error.faults
    return [{ path: '', reason: error.message, origin: { uri } }]
  }
  if (!(error instanceof RangeError)) throw error
  return [{ path: '', reason: error.message, origin: { uri } }]
}

async function resolve(
  root: ConfigNode,
  providers: NonNullable<LoadConfigOptions['references']>,
  deadline: DeadlineOptions,
): Promise<Resolution> {
  let pending: Promise<Resolution> | undefined
  const resolution = await withDeadline((signal) => {
    pending = resolveReferences(root, { providers, signal })
    return pending
  }, deadline)
  if (resolution !== timedOut || !pending) return resolution as Resolution
  // No reference waits any longer, and each that did says so.
  return { ...(await pending), code: 'timed_out' }
}

/** Without what is only wrong because a reference there, above it or below it has no value. */
function apartFrom(
  faults: readonly ConfigFault[],
  { failedPaths }: Resolution,
): readonly ConfigFault[] {
  const touches = (one: ConfigPath, other: ConfigPath): boolean =>
    one.slice(0, other.length).every((segment, index) => String(segment) === String(other[index]))
  return faults.filter(({ path }) => {
    const at = parsePath(path)
    return !failedPaths.some((failed) => touches(at, failed))
  })
}

const maxFaultsInMessage = 20

function refuse(...stages: readonly Findings[]): void {
  const faults = stages.flatMap((stage) => stage.faults)
  const first = stages.find((stage) => stage.faults.length > 0)
  if (!first) return
  const { code, cause } = first
  const shown = faults.slice(0, maxFaultsInMessage).map(describeFault)
  const others = faults.length - shown.length
  if (others > 0) shown.push(`and ${others} more`)
  const list =
    shown.length === 1 ? ` ${shown.join('')}` : shown.map((text) => `\n- ${text}`).join('')
  throw new ConfigError(`Cannot load configuration:${list}`, {
    code,
    operation: 'load',
    faults,
    ...(cause !== undefined && { cause }),
  })
}

function describeFault({ path, reason, origin }: ConfigFault): string {
  const line = origin?.line === undefined ? '' : `:${origin.line}`
  const where = origin ? ` (${origin.uri}${line})` : ''
  return `${path === '' ? '' : `${path}: `}${reason}${where}`
}
