import { type ConfigErrorCode, type ConfigFault } from '../config-error.ts'
import type { ConfigPath } from '../config-tree.ts'
import { Secret } from '../secret.ts'
import { type ConfigNode, type ConfigScalar, type LeafNode, leavesOf } from './config-node.ts'
import { formatPath } from './config-path.ts'
import { findConfigTarget, findCycles, type TemplateLeaf } from './config-reference-graph.ts'
import type { ReferenceProvider } from './reference-provider.ts'
import {
  parseTemplate,
  type Reference,
  referencesIn,
  TemplateError,
  type TemplatePart,
} from './reference-template.ts'

const maxReferences = 1000
/** UTF-16 units of one text, and of all texts, that references made: a few of them can double each other. */
const maxTextLength = 1_048_576
const maxTotalLength = 8 * maxTextLength

export interface ResolveOptions {
  readonly providers: Readonly<Record<string, ReferenceProvider>>
  readonly signal: AbortSignal
}

export interface Resolution {
  readonly root: ConfigNode
  readonly faults: readonly ConfigFault[]
  /** Leaves that could not be resolved. */
  readonly failedPaths: readonly ConfigPath[]
  /** `unavailable` where nothing is wrong but that providers failed: the same may be resolved later. */
  readonly code: ConfigErrorCode
}

/**
 * Puts the values of references into a merged configuration. Each distinct one is asked for once, all at once. What comes is never read
 * for references again, so that nobody who can set a value can refer to another one.
 */
export async function resolveReferences(
  root: ConfigNode,
  options: ResolveOptions,
): Promise<Resolution> {
  const resolver = new Resolver(root, options)
  return resolver.run()
}

/** A reference that has no value. Its message quotes what was written in the configuration, and nothing of what a provider said. */
class UnresolvedError extends Error {
  readonly isPassing: boolean

  constructor(message: string, { isPassing = false }: { readonly isPassing?: boolean } = {}) {
    super(message)
    this.isPassing = isPassing
  }
}

/** A value that another one is made of could not be resolved: that one says why. */
class DependencyError extends Error {}

interface Answer {
  readonly value: ConfigScalar
  readonly isUntyped: boolean
}

class Resolver {
  readonly #root: ConfigNode
  readonly #options: ResolveOptions
  readonly #asked = new Map<string, Promise<string | null>>()
  readonly #answers = new Map<LeafNode, Promise<Answer>>()
  readonly #templates = new Map<LeafNode, TemplateLeaf>()
  readonly #faults: ConfigFault[] = []
  readonly #leafFaults = new Map<LeafNode, ConfigFault>()
  readonly #failed = new Map<LeafNode, ConfigPath>()
  #isPassing = true
  #totalLength = 0

  constructor(root: ConfigNode, options: ResolveOptions) {
    this.#root = root
    this.#options = options
  }

  async run(): Promise<Resolution> {
    let count = 0
    for (const { path, node } of leavesOf(this.#root)) {
      if (node.kind !== 'leaf' || node.isUntyped || typeof node.value !== 'string') continue
      if (!node.value.includes('${')) continue
      try {
        const parts = parseTemplate(node.value)
        count += [...referencesIn(parts)].length
        this.#templates.set(node, { path, node, parts })
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
        this.#fail({ path, node }, error.message)
      }
    }
    if (count > maxReferences) {
      const reason = `At most ${maxReferences} references were wanted, received ${count}`
      this.#faults.push({ path: '', reason, origin: this.#root.origin })
      this.#isPassing = false
      this.#templates.clear()
    }
    const templates = [...this.#templates.values()]
    for (const [node, circle] of findCycles(this.#root, templates)) {
      const names = circle.map(({ path }) => formatPath(path))
      const [first = ''] = names
      const path = circle[0]?.path ?? []
      this.#fail({ path, node }, `It refers to itself: ${[...names, first].join(' → ')}`)
    }
    // Settled all: the first fault is not the only one.
    await Promise.all(
      templates.map(async (template) => {
        await this.#answer(template.node).catch((error: unknown) => {
          this.#failWith(template, error)
        })
      }),
    )
    return {
      root: await this.#rebuild(this.#root),
      faults: this.#sortedFaults(),
      failedPaths: [...this.#failed.values()],
      code: this.#failed.size > 0 && this.#isPassing ? 'unavailable' : 'invalid',
    }
  }

  #failWith(template: TemplateLeaf, error: unknown): void {
    if (error instanceof DependencyError) {
      this.#failed.set(template.node, template.path)
      return
    }
    if (!(error instanceof UnresolvedError)) throw error
    this.#fail(template, error.message, error.isPassing)
  }

  #fail(
    { path, node }: { readonly path: ConfigPath; readonly node: LeafNode },
    reason: string,
    isPassing = false,
  ): void {
    if (this.#failed.has(node)) return
    this.#failed.set(node, path)
    this.#isPassing &&= isPassing
    this.#leafFaults.set(node, { path: formatPath(path), reason, origin: node.origin })
  }

  /** In the order of the configuration, whichever provider was the first to answer. */
  #sortedFaults(): readonly ConfigFault[] {
    const found = Array.from(leavesOf(this.#root), ({ node }) =>
      node.kind === 'leaf' ? this.#leafFaults.get(node) : undefined,
    )
    return [...this.#faults, ...found.filter((fault) => fault !== undefined)]
  }

  #answer(node: LeafNode): Promise<Answer> {
    const known = this.#answers.get(node)
    if (known) return known
    const answer = this.#evaluate(node)
    this.#answers.set(node, answer)
    return answer
  }

  async #evaluate(node: LeafNode): Promise<Answer> {
    if (this.#failed.has(node)) throw new DependencyError()
    const template = this.#templates.get(node)
    if (!template) return { value: hide(node, node.value), isUntyped: node.isUntyped }
    const [only] = template.parts
    const isWhole = template.parts.length === 1 && only !== undefined && typeof only !== 'string'
    const answer = isWhole
      ? ((await this.#ask(only)) ?? { value: null, isUntyped: false })
      : { value: await this.#text(template.parts), isUntyped: false }
    return { ...answer, value: hide(node, answer.value) }
  }

  async #text(parts: readonly TemplatePart[]): Promise<string | Secret> {
    const values = await Promise.all(
      parts.map(async (part) => {
        if (typeof part === 'string') return part
        const value = (await this.#ask(part))?.value ?? null
        if (value === null) throw new UnresolvedError(`${part.written} is null, a text was wanted`)
        return value
      }),
    )
    const texts = values.map((value) => (value instanceof Secret ? value.reveal() : String(value)))
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    this.#totalLength += length
    if (length > maxTextLength || this.#totalLength > maxTotalLength) {
      throw new UnresolvedError('References made a text of over 1 MiB, or texts of over 8 MiB')
    }
    const text = texts.join('')
    return values.some((value) => value instanceof Secret) ? new Secret(text) : text
  }

  async #ask(reference: Reference): Promise<Answer | undefined> {
    if (reference.provider === 'config') return this.#askConfig(reference)
    const { provider: name, written } = reference
    const { providers } = this.#options
    const provider = Object.hasOwn(providers, name) ? providers[name] : undefined
    if (!provider) {
      const names = ['config', ...Object.keys(providers)].join(', ')
      throw new UnresolvedError(`${written} has a provider that is not known, there are: ${names}`)
    }
    const key = await this.#text(reference.key)
    // A secret key makes its value one too: whoever sees the value may know what led to it.
    const isSecret = provider.isSecret || key instanceof Secret
    const found = await this.#askOnce(name, provider, key, written)
    if (found !== null) return { value: isSecret ? new Secret(found) : found, isUntyped: true }
    const fallback = reference.fallback && (await this.#text(reference.fallback))
    if (fallback === undefined) throw new UnresolvedError(`${written} has no value, and no default`)
    const value = isSecret && typeof fallback === 'string' ? new Secret(fallback) : fallback
    return { value, isUntyped: true }
  }

  async #askConfig(reference: Reference): Promise<Answer | undefined> {
    const target = findConfigTarget(this.#root, reference)
    const { written, fallback } = reference
    if (target.kind === 'wrong') throw new UnresolvedError(`${written}: ${target.reason}`)
    if (target.kind === 'leaf') {
      try {
        return await this.#answer(target.node)
      } catch {
        throw new DependencyError()
      }
    }
    if (fallback) return { value: await this.#text(fallback), isUntyped: true }
    throw new UnresolvedError(`${written} has no value, and no default`)
  }

  async #askOnce(
    name: string,
    provider: ReferenceProvider,
    key: string | Secret,
    written: string,
  ): Promise<string | null> {
    const text = typeof key === 'string' ? key : key.reveal()
    const id = `${name}:${text}`
    const asking = this.#asked.get(id) ?? this.#get(provider, text)
    this.#asked.set(id, asking)
    let found: unknown
    try {
      found = await asking
    } catch (error) {
      throw new UnresolvedError(`${written}: the provider failed${nameOf(error)}`, {
        isPassing: true,
      })
    }
    if (found === null || typeof found === 'string') return found
    throw new UnresolvedError(`${written}: the provider gave no text`)
  }

  /** Async, so that a provider that throws at once is one that rejects; and given up when the time is over, whatever the provider does. */
  async #get(provider: ReferenceProvider, key: string): Promise<string | null> {
    const { signal } = this.#options
    signal.throwIfAborted()
    const { promise, reject } = Promise.withResolvers<never>()
    const giveUp = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', giveUp)
    try {
      return await Promise.race([provider.get(key, { signal }), promise])
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  async #rebuild(node: ConfigNode): Promise<ConfigNode> {
    if (node.kind === 'list') {
      return { ...node, items: await Promise.all(node.items.map((item) => this.#rebuild(item))) }
    }
    if (node.kind === 'map') {
      const entries = await Promise.all(
        Array.from(node.entries, async ([name, member]) => {
          return [name, await this.#rebuild(member)] as const
        }),
      )
      return { ...node, entries: new Map(entries) }
    }
    const template = this.#templates.get(node)
    if (this.#failed.has(node)) return node
    if (!template) return { ...node, value: hide(node, node.value) }
    const { value, isUntyped } = await this.#answer(node)
    const references = [...referencesIn(template.parts)].map(({ written }) => written)
    return { ...node, value, isUntyped, references: [...new Set(references)] }
  }
}

function hide({ isMarkedSecret }: LeafNode, value: ConfigScalar): ConfigScalar {
  return isMarkedSecret === true && typeof value === 'string' ? new Secret(value) : value
}

/** The kind of an error, which is a name in somebody's code. Its message is not told: it may quote anything. */
function nameOf(error: unknown): string {
  const name: unknown = error instanceof Error ? error.name : undefined
  return typeof name === 'string' && /^[A-Z][A-Za-z]{2,40}Error$/.test(name) ? ` (${name})` : ''
}
