import { toJsonTextOfAnySize } from '../kv/kv-entry.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import type { DefinitionControl } from './held-value.ts'

interface Unreadable {
  readonly problem: string
}

interface Readable<T> {
  readonly value: T | null
  readonly text: string
}

type FormatOptions<T> = Pick<
  CacheDefinitionOptions<never, T>,
  'codec' | 'encoders' | 'migrate' | 'schema' | 'version'
>

/** How the values of one definition become the text of an entry, and values again. */
export class ValueFormat<T> {
  readonly #options: FormatOptions<T>
  readonly version: number
  /** Whether one decoded value may be given to many readers. */
  readonly isShareable: boolean
  /** The text of a negative entry. With a codec, which may write `null` for a value, one that it hardly writes. */
  readonly #negativeText: string

  constructor(options: FormatOptions<T>) {
    this.#options = options
    this.version = options.version ?? 1
    this.isShareable = options.codec === undefined
    this.#negativeText = this.isShareable ? 'null' : '\0'
  }

  /** @throws {TypeError} When the value has no JSON text. */
  toText(action: string, value: T | null): string {
    const { codec } = this.#options
    if (value === null) return this.#negativeText
    // Of any size, because an encoder may make it smaller.
    return codec === undefined ? toJsonTextOfAnySize(action, value) : codec.encode(value)
  }

  /** @returns What is wrong with the text instead of throwing it: a bad cached value is a miss. */
  async toValue(
    text: string,
    version = this.version,
  ): Promise<{ readonly value: T | null } | Unreadable> {
    if (text === this.#negativeText) return { value: null }
    const { codec, migrate, schema } = this.#options
    try {
      let value: unknown = codec === undefined ? JSON.parse(text) : codec.decode(text)
      if (version !== this.version) {
        value = migrate?.(value, version)
        if (value === undefined) return { problem: `its version is ${version}` }
      }
      const validating = schema?.['~standard'].validate(value)
      const result = validating instanceof Promise ? await validating : validating
      if (result?.issues !== undefined) {
        return { problem: `it does not fit the schema: ${result.issues[0]?.message ?? ''}` }
      }
      const checked = (result === undefined ? value : result.value) as T
      return { value: this.isShareable ? deepFreeze(checked) : checked }
    } catch {
      // Without the error, which may quote the value.
      return { problem: codec === undefined ? 'it is not JSON' : 'its codec cannot read it' }
    }
  }

  /** The text as it goes to KV, and by what it was encoded. */
  async encode(
    text: string,
    key: string,
  ): Promise<{ readonly text: string; readonly encodings: string[] }> {
    const encodings: string[] = []
    for (const encoder of this.#options.encoders ?? []) {
      const encoded = await encoder.encode(text, key)
      if (encoded === null) continue
      text = encoded
      encodings.push(encoder.name)
    }
    return { text, encodings }
  }

  /** The text of an entry, decoded, and its value. */
  async read(
    text: string,
    key: string,
    { encodings, version }: DefinitionControl,
  ): Promise<Readable<T> | Unreadable> {
    try {
      for (const name of encodings.length > 0 ? encodings.toReversed() : encodings) {
        const encoder = this.#options.encoders?.find((one) => one.name === name)
        if (encoder === undefined) return { problem: `its encoding ${name} is not known` }
        text = await encoder.decode(text, key)
      }
    } catch {
      return { problem: 'its encoding cannot be undone' }
    }
    const decoded = await this.toValue(text, version)
    return 'problem' in decoded ? decoded : { ...decoded, text }
  }
}
