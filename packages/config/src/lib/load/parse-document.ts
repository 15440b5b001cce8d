import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument as parseYaml,
  Scalar,
  type ErrorCode,
  type Node,
  type YAMLMap,
} from 'yaml'
import { ConfigError, type ConfigFault } from '../config-error.ts'
import type { SourceDocument } from '../config-source.ts'
import type { ConfigOrigin, ConfigPath, ConfigTree, ConfigValue } from '../config-tree.ts'
import { configDocumentLimits } from '../config-document.ts'
import { isScalar as isScalarValue, maxDepth, setOwn } from './config-node.ts'
import { formatPath } from './config-path.ts'
import { findJsonFault } from './find-json-fault.ts'

/** One layer of a configuration: what it says, and where it says each thing. */
export interface ParsedLayer {
  readonly tree: ConfigTree
  /** Of what is not there, the nearest that is above it. */
  readonly originOf: (path: ConfigPath) => ConfigOrigin
}

/** Aliases (`*name`) repeat what an anchor (`&name`) marks: a few lines of them can stand for gigabytes. */
const maxAliases = 1000
const maxAliasedNodes = 10_000
/** More would tell nothing new. */
const maxFaults = 100

/** Where a value begins in the text, and the values within it. */
interface Place {
  readonly offset: number
  readonly members: Map<string | number, Place>
}

/**
 * Reads one text of a source: YAML 1.2 with the core schema, or JSON.
 *
 * It refuses what would mean something else than it seems to: duplicate names, several documents, merge keys, tags, numbers that are not
 * what is written (`010`, integers from 2^53), `.inf` and `.nan`; and what no configuration needs: more than 1 MiB, 64 levels or 1,000 aliases,
 * and a text that says nothing, since that is what is left of a file that was written by half. `__proto__` is a name like any other.
 *
 * @throws {ConfigError} `corrupt` with a fault for each thing that is wrong, with its line. The reasons quote nothing of the text.
 */
export function parseDocument(document: SourceDocument): ParsedLayer {
  if ('tree' in document) return readTree(document)
  const text = document.text.startsWith('\uFEFF') ? document.text.slice(1) : document.text
  const reader = new DocumentReader(document, text)
  const tree = reader.read()
  if (reader.faults.length > 0 || !tree) throw corrupt(document.uri, reader.faults)
  return { tree, originOf: (path) => reader.originOf(path) }
}

function readTree({
  uri,
  tree,
  originOf,
}: Extract<SourceDocument, { tree: unknown }>): ParsedLayer {
  if (isScalarValue(tree) || Array.isArray(tree)) {
    throw corrupt(uri, [{ path: '', reason: 'A map was wanted', origin: { uri } }])
  }
  return { tree, originOf }
}

function corrupt(uri: string, faults: readonly ConfigFault[]): ConfigError {
  const [first] = faults
  const line = first?.origin?.line
  const where = line === undefined ? '' : ` (line ${line})`
  const others = faults.length > 1 ? `, and ${faults.length - 1} more` : ''
  return new ConfigError(
    `Cannot parse configuration ${uri}: ${first?.reason ?? 'it says nothing'}${where}${others}`,
    { code: 'corrupt', operation: 'parse', faults },
  )
}

class DocumentReader {
  readonly faults: ConfigFault[] = []
  readonly #document: { readonly uri: string; readonly version?: number }
  readonly #isJson: boolean
  readonly #text: string
  readonly #lines = new LineCounter()
  readonly #anchors = new Map<string, Node>()
  readonly #root: Place = { offset: 0, members: new Map() }
  #aliases = 0
  #aliasDepth = 0
  #aliasedNodes = 0

  constructor(document: Extract<SourceDocument, { text: string }>, text: string) {
    const { uri, syntax, version } = document
    this.#document = { uri, ...(version !== undefined && { version }) }
    this.#isJson = (syntax ?? (/\.json$/i.test(uri) ? 'json' : 'yaml')) === 'json'
    this.#text = text
  }

  read(): ConfigTree | undefined {
    const { maxBodyBytes } = configDocumentLimits
    if (
      this.#text.length > maxBodyBytes ||
      new TextEncoder().encode(this.#text).length > maxBodyBytes
    ) {
      this.#report([], 'At most 1 MiB was wanted', undefined)
      return undefined
    }
    if (this.#isJson && !this.#isAcceptedAsJson()) return undefined
    const document = parseYaml(this.#text, {
      version: '1.2',
      schema: 'core',
      stringKeys: true,
      // Compares each name with each other one: 80,000 of them took minutes. They are compared below.
      uniqueKeys: false,
      merge: false,
      lineCounter: this.#lines,
      // They quote the text.
      prettyErrors: false,
      // 'silent' would also pass over a second document.
      logLevel: 'error',
    })
    // What follows where the parser gave up is no fault of the text.
    const gaveUp = document.errors.filter(({ code }) => code === 'RESOURCE_EXHAUSTION')
    for (const { code, pos } of gaveUp.length > 0 ? gaveUp : document.errors) {
      this.#report([], reasonOf(code), pos[0])
    }
    if (this.faults.length > 0) return undefined
    const { yaml } = document.directives
    if (yaml.explicit === true && yaml.version !== '1.2') {
      this.#report([], 'YAML 1.2 was wanted, another version is declared', 0)
    }
    const { contents } = document
    if (!isMap(contents) && !isAlias(contents)) {
      const what = contents === null || isNothing(contents) ? ', received nothing' : ''
      this.#report([], `A map was wanted${what}`, contents?.range[0])
      return undefined
    }
    const tree = this.#value(contents, [], this.#root)
    return isScalarValue(tree) || Array.isArray(tree) ? undefined : (tree as ConfigTree)
  }

  originOf(path: ConfigPath): ConfigOrigin {
    let place = this.#root
    for (const segment of path) {
      const member = place.members.get(segment)
      if (!member) break
      place = member
    }
    return this.#originAt(place.offset)
  }

  #originAt(offset: number): ConfigOrigin {
    const { line, col } = this.#lines.linePos(offset)
    // An empty text has no lines.
    return line === 0 ? this.#document : { ...this.#document, line, column: col }
  }

  #report(path: ConfigPath, reason: string, offset: number | undefined): null {
    if (this.faults.length >= maxFaults) return null
    const origin = offset === undefined ? this.#document : this.#originAt(offset)
    this.faults.push({ path: formatPath(path), reason, origin })
    return null
  }

  #isAcceptedAsJson(): boolean {
    try {
      JSON.parse(this.#text)
      return true
    } catch {
      // What is thrown quotes the text, and only sometimes says where in it.
      for (let at = 0; at !== -1; at = this.#text.indexOf('\n', at) + 1 || -1) {
        this.#lines.addNewLine(at)
      }
      this.#report([], 'JSON was wanted, it is malformed', findJsonFault(this.#text))
      return false
    }
  }

  #value(node: Node | null, path: ConfigPath, place: Place): ConfigValue {
    const offset = node?.range?.[0]
    if (path.length > maxDepth) {
      return this.#report(path.slice(0, 3), `At most ${maxDepth} levels were wanted`, offset)
    }
    if (this.#aliasDepth > 0 && ++this.#aliasedNodes > maxAliasedNodes) {
      return this.#report(path, 'Aliases stand for too many values', offset)
    }
    if (node === null) return null
    if (isAlias(node)) return this.#aliased(node.source, path, place, offset)
    if (node.tag !== undefined && !coreTags.has(node.tag)) {
      return this.#report(path, 'Tags other than those of the core schema have no meaning', offset)
    }
    const { anchor } = node as { anchor?: string }
    if (anchor !== undefined && this.#aliasDepth === 0) this.#anchors.set(anchor, node)
    if (isMap(node)) return this.#map(node as YAMLMap<unknown, Node | null>, path, place)
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const member = {
          offset: (item as Node | null)?.range?.[0] ?? place.offset,
          members: new Map(),
        }
        place.members.set(index, member)
        return this.#value(item as Node | null, [...path, index], member)
      })
    }
    return isScalar(node) ? this.#scalar(node, path) : null
  }

  #aliased(name: string, path: ConfigPath, place: Place, offset: number | undefined): ConfigValue {
    const node = this.#anchors.get(name)
    if (!node) return this.#report(path, 'An alias has no anchor before it', offset)
    if (++this.#aliases > maxAliases) {
      return this.#report(path, `At most ${maxAliases} aliases were wanted`, offset)
    }
    this.#aliasDepth++
    const value = this.#value(node, path, place)
    this.#aliasDepth--
    return value
  }

  #map(node: YAMLMap<unknown, Node | null>, path: ConfigPath, place: Place): ConfigTree {
    const tree: Record<string, ConfigValue> = {}
    for (const { key, value } of node.items) {
      const offset = (key as Node | null)?.range?.[0] ?? place.offset
      const name = isScalar(key) ? key.value : undefined
      if (typeof name !== 'string' || !isScalar(key)) {
        this.#report(path, 'Names that are texts were wanted', offset)
        continue
      }
      if (!name.isWellFormed()) {
        this.#report(path, 'Names of whole characters were wanted', offset)
        continue
      }
      const memberPath = [...path, name]
      if (Object.hasOwn(tree, name)) {
        this.#report(memberPath, 'The same name is there twice', offset)
        continue
      }
      if (name === '<<' && key.type === Scalar.PLAIN) {
        this.#report(
          memberPath,
          'Merge keys are no part of YAML 1.2: use layers, or quote it',
          offset,
        )
      }
      const member = { offset, members: new Map<string | number, Place>() }
      place.members.set(name, member)
      setOwn(tree, name, this.#value(value, memberPath, member))
    }
    return tree
  }

  #scalar(node: Scalar, path: ConfigPath): ConfigValue {
    const { value, range, source = '' } = node
    if (typeof value !== 'number') {
      return typeof value === 'string' || typeof value === 'boolean' ? value : null
    }
    const offset = range?.[0]
    if (!Number.isFinite(value)) return this.#report(path, 'A finite number was wanted', offset)
    if (!/[.e]/i.test(source) || source.startsWith('0x')) {
      if (!Number.isSafeInteger(value)) {
        return this.#report(path, 'An integer below 2^53 was wanted: quote it to keep it', offset)
      }
    }
    // 10 in YAML 1.2, 8 in YAML 1.1, and nearly always meant as neither.
    if (/^[-+]?0\d/.test(source)) {
      const reason = 'A number begins with 0: quote it for text, or write 0o17 for octal'
      return this.#report(path, reason, offset)
    }
    return value
  }
}

const coreTags: ReadonlySet<string> = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].flatMap((name) => [
    `tag:yaml.org,2002:${name}`,
    '!',
  ]),
)

function isNothing(node: Node): boolean {
  return isScalar(node) && node.value === null
}

/** In our own words: those of the parser quote what it stumbled over. */
function reasonOf(code: ErrorCode): string {
  const reasons: Partial<Record<ErrorCode, string>> = {
    BAD_ALIAS: 'An alias is malformed',
    BAD_DIRECTIVE: 'A directive is malformed',
    BAD_DQ_ESCAPE: 'An escape in double quotes is not known',
    BAD_INDENT: 'The indentation is wrong, or a bracket is not closed',
    BAD_SCALAR_START: 'A value begins with a reserved character: quote it',
    BLOCK_AS_IMPLICIT_KEY: 'A value has a colon and a space in it: quote it',
    KEY_OVER_1024_CHARS: 'A name is longer than 1,024 characters',
    MISSING_CHAR: 'A character is missing, such as a colon, a quote or a bracket',
    MULTILINE_IMPLICIT_KEY: 'A name goes over several lines',
    MULTIPLE_DOCS: 'One document was wanted, there are several',
    NON_STRING_KEY: 'Names that are texts were wanted',
    RESOURCE_EXHAUSTION: `At most ${maxDepth} levels were wanted`,
    TAB_AS_INDENT: 'Tabs cannot indent: use spaces',
    TAG_RESOLVE_FAILED: 'A tag does not fit its value',
  }
  return reasons[code] ?? 'The text is malformed'
}
