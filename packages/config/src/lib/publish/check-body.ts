import type { ConfigSyntax } from '../config-document.ts'
import { ConfigError, type ConfigFault } from '../config-error.ts'
import { annotate, type ConfigNode, leavesOf, nodeAt } from '../load/config-node.ts'
import { formatPath, parsePath } from '../load/config-path.ts'
import type { ConfigSchema } from '../load/config-schema.ts'
import { createJsonSchemaValidator } from '../load/json-schema-validator.ts'
import { parseDocument } from '../load/parse-document.ts'
import { parseTemplate, TemplateError } from '../load/reference-template.ts'
import { validateConfig } from '../load/validate-config.ts'

export interface BodyText {
  /** What it is called in messages. */
  readonly uri: string
  readonly text: string
  readonly syntax: ConfigSyntax
}

/** Parses a body as readers do. @throws {ConfigError} `corrupt` where they would refuse it. */
export function parseBody(body: BodyText): ConfigNode {
  const { tree, originOf } = parseDocument(body)
  return annotate(tree, originOf)
}

/** References that no reader can read, whatever its providers are. */
function faultsOfTemplates(root: ConfigNode): readonly ConfigFault[] {
  return Array.from(leavesOf(root)).flatMap(({ path, node }) => {
    if (node.kind !== 'leaf' || typeof node.value !== 'string') return []
    try {
      parseTemplate(node.value)
      return []
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      return [{ path: formatPath(path), reason: error.message, origin: node.origin }]
    }
  })
}

/**
 * Holds a body to what readers will ask of it. A value that has a reference in it is not known yet, and no reason to refuse.
 *
 * @throws {ConfigError} `corrupt` or `invalid`, with all that is wrong.
 */
export async function checkBody(
  body: BodyText,
  schema: ConfigSchema<unknown> | undefined,
): Promise<void> {
  const root = parseBody(body)
  refuse(body, faultsOfTemplates(root))
  if (schema === undefined) return
  const validator =
    'jsonSchema' in schema ? createJsonSchemaValidator(schema.jsonSchema) : undefined
  const validation = await validateConfig(root, schema, validator)
  if (validation.ok) return
  refuse(
    body,
    validation.faults.filter(({ path }) => !isReference(root, path)),
  )
}

function refuse(body: BodyText, faults: readonly ConfigFault[]): void {
  if (faults.length === 0) return
  const told = faults.map(toText).join('; ')
  throw new ConfigError(`Cannot publish ${body.uri}: ${told}`, {
    code: 'invalid',
    operation: 'publish',
    faults,
  })
}

function isReference(root: ConfigNode, path: string): boolean {
  const node = nodeAt(root, parsePath(path))
  return node?.kind === 'leaf' && typeof node.value === 'string' && node.value.includes('${')
}

function toText({ path, reason, origin }: ConfigFault): string {
  const line = origin?.line === undefined ? '' : ` (line ${origin.line})`
  return `${path === '' ? '' : `${path}: `}${reason}${line}`
}
