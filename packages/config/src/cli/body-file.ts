import { createHash } from 'node:crypto'
import { text as readText } from 'node:stream/consumers'
import type { ConfigSyntax } from '../lib/config-document.ts'
import type { SourceDocument } from '../lib/config-source.ts'
import { parseDocument } from '../lib/load/parse-document.ts'
import { usageFailure } from './command-failure.ts'
import type { CommandWorld } from './command-world.ts'
import type { Places } from './places.ts'
import { showUri } from './show-uri.ts'

/** A text that is to be published. */
export interface Body {
  readonly uri: string
  readonly text: string
  readonly syntax: ConfigSyntax
  readonly sha256: string
  readonly document: SourceDocument
}

/**
 * Reads what is to be published: a file, another source that has one text, or `-` for stdin.
 *
 * @throws {ConfigError} With every fault, when it cannot be parsed.
 */
export async function readBody(
  name: string,
  {
    world,
    places,
    syntax: given,
  }: {
    readonly world: CommandWorld
    readonly places: Places
    readonly syntax?: ConfigSyntax | undefined
  },
): Promise<Body> {
  const found =
    name === '-'
      ? { uri: 'stdin:', text: await readText(world.stdin) }
      : await readOne(name, { world, places })
  const syntax = given ?? found.syntax ?? (/\.json$/i.test(found.uri) ? 'json' : 'yaml')
  const { uri, text } = found
  const document = { uri, text, syntax }
  parseDocument(document)
  const sha256 = createHash('sha256').update(text).digest('hex')
  return { uri, text, syntax, sha256, document }
}

async function readOne(
  name: string,
  { world, places }: { readonly world: CommandWorld; readonly places: Places },
): Promise<Extract<SourceDocument, { readonly text: string }>> {
  const documents = await places.source(name).load({ signal: world.signal })
  const [document] = documents
  if (documents.length === 1 && document !== undefined && 'text' in document) return document
  throw usageFailure(
    `Cannot read ${showUri(name)}: one text was wanted, received ${documents.length === 1 ? 'variables' : `${documents.length} of them`}`,
  )
}
