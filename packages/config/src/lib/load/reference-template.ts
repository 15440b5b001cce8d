/** One `${NAME:key:-default}` in a text. */
export interface Reference {
  readonly provider: string
  readonly key: readonly TemplatePart[]
  readonly fallback?: readonly TemplatePart[]
  /** As it was written, without defaults. */
  readonly written: string
}

export type TemplatePart = string | Reference

const maxReferenceDepth = 8

/** A text with references that cannot be read. Its message quotes nothing of it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/**
 * Reads a text with references: `$${` is a literal `${`, and a `$` that no `{` follows is itself. A key, and a default, may have references in it.
 *
 * @throws {TemplateError} for a `${` that begins no reference, one that is not closed, and more than 8 levels.
 */
export function parseTemplate(text: string): readonly TemplatePart[] {
  return new TemplateReader(text).parts(0, 'text')
}

class TemplateReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parts(depth: number, where: 'text' | 'key' | 'default'): readonly TemplatePart[] {
    const parts: TemplatePart[] = []
    let literal = ''
    while (this.#at < this.#text.length) {
      if (this.#isAt('$${')) literal += this.#take(3).slice(1)
      else if (this.#isAt('${')) {
        if (literal !== '') parts.push(literal)
        literal = ''
        parts.push(this.#reference(depth + 1))
      } else if (where !== 'text' && this.#isAt('}')) break
      else if (where === 'key' && this.#isAt(':-')) break
      else literal += this.#take(1)
    }
    if (literal !== '') parts.push(literal)
    return parts
  }

  #reference(depth: number): Reference {
    if (depth > maxReferenceDepth) {
      throw new TemplateError(
        `At most ${maxReferenceDepth} references within each other were wanted`,
      )
    }
    const name = /^\$\{([A-Za-z][\w-]*):/.exec(this.#text.slice(this.#at, this.#at + 66))
    const [start, provider] = name ?? []
    if (start === undefined || provider === undefined) {
      throw new TemplateError(
        'A reference such as ${env:PORT} was wanted: write $${ for a literal ${',
      )
    }
    this.#at += start.length
    const key = this.parts(depth, 'key')
    const hasDefault = this.#isAt(':-')
    if (hasDefault) this.#take(2)
    const fallback = hasDefault ? this.parts(depth, 'default') : undefined
    if (!this.#isAt('}')) throw new TemplateError('A reference is not closed with }')
    this.#take(1)
    const written = `\${${provider}:${writeTemplate(key)}}`
    return { provider, key, written, ...(fallback && { fallback }) }
  }

  #isAt(text: string): boolean {
    return this.#text.startsWith(text, this.#at)
  }

  #take(length: number): string {
    this.#at += length
    return this.#text.slice(this.#at - length, this.#at)
  }
}

/** A template as a text. `fallbackOf` says what to show of a default; by default nothing. */
export function writeTemplate(
  parts: readonly TemplatePart[],
  fallbackOf?: (reference: Reference) => string | undefined,
): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part.replaceAll('${', '$${')
      const fallback = part.fallback && fallbackOf?.(part)
      const end = fallback === undefined ? '}' : `:-${fallback}}`
      return `\${${part.provider}:${writeTemplate(part.key, fallbackOf)}${end}`
    })
    .join('')
}

/** All references of a template, those within keys and defaults too. */
export function* referencesIn(parts: readonly TemplatePart[]): Generator<Reference> {
  for (const part of parts) {
    if (typeof part === 'string') continue
    yield part
    yield* referencesIn(part.key)
    yield* referencesIn(part.fallback ?? [])
  }
}
