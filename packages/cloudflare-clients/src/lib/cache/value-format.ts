import { checkNumber } from '../shared/check-number.ts'
import { jsonFormat, type PackedText, type ValueFormat } from './json-format.ts'
import { CacheLoadError } from './load-error.ts'
import type { ValueEncoder } from './value-encoder.ts'

export interface ValueFormatOptions<T> {
  /** The version of the value's shape, a whole number. Entries of another one are given to `migrate`. Default 1. */
  readonly version?: number
  /** Turns a value of another version into this one's. `undefined`, or throwing, makes it a miss. Default: a miss. */
  readonly migrate?: (value: unknown, fromVersion: number) => unknown
  /**
   * Turns values into text and back, for what JSON cannot hold. Values are then decoded for every read, because only
   * JSON's can be frozen. Default: JSON.
   */
  readonly codec?: {
    readonly encode: (value: T) => string
    readonly decode: (text: string) => unknown
  }
  /** What is done to the text on its way to KV, in this order: compression, spilling. Default: nothing. */
  readonly encoders?: readonly ValueEncoder[]
}

/** What stands in an entry's metadata. What says the usual is left out. */
interface FormatNote {
  readonly version?: number
  readonly encodings?: readonly string[]
}

/** The text of a negative entry: a codec may write `null` for a value, and hardly writes this. */
const negativeText = '\0'

function toError(problem: string): CacheLoadError {
  return new CacheLoadError(`Cannot read cached value: ${problem}`, 'invalid_value')
}

/**
 * How the values of a definition are stored, where plain JSON is not enough: with a version, by another codec,
 * compressed, or spilled to R2.
 *
 * **Guarantee.** Entries say what was done to them, so that those of before and after a change of the encoders or of the
 * version are both read. What cannot be read, because its version cannot be migrated, its encoder is not known or its text is
 * damaged, is a miss: it is reported and left alone. An entry that was stored without a format is of version 1.
 *
 * @throws {RangeError} When the version is not a number from 0.
 *
 * @example
 * ```ts
 * import { CacheClient, gzipEncoder, valueFormat } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const pages = cache.define<string, { text: string }>('page', {
 *   load: (slug) => Promise.resolve({ text: `The page ${slug}` }),
 *   fresh: '1h',
 *   format: valueFormat({
 *     version: 2,
 *     migrate: (page) => ({ text: (page as { body: string }).body }),
 *     encoders: [gzipEncoder()],
 *   }),
 * })
 * ```
 */
export function valueFormat<T>({
  version = 1,
  migrate,
  codec,
  encoders = [],
}: ValueFormatOptions<T>): ValueFormat<T> {
  checkNumber('create value format: version', version, { min: 0, max: Number.MAX_SAFE_INTEGER })

  const toText = (value: T | null): string => {
    if (codec === undefined) return jsonFormat.toText(value)
    return value === null ? negativeText : codec.encode(value)
  }

  const toValue = (text: string): unknown => {
    if (codec === undefined) return jsonFormat.toValue(text)
    return text === negativeText ? null : codec.decode(text)
  }

  const decode = async (
    { text, format }: PackedText,
    { key, encodings }: { key: string; encodings: readonly string[] },
  ): Promise<string> => {
    let decoded = text
    for (const name of encodings.toReversed()) {
      const encoder = encoders.find((one) => one.name === name)
      if (encoder === undefined) throw toError(`its encoding ${name} is not known`)
      decoded = await encoder.decode(decoded, key)
    }
    const { version: fromVersion = 1 } = (format ?? {}) as FormatNote
    if (fromVersion === version) return decoded
    const old = toValue(decoded)
    if (old === null) return toText(null)
    const value = migrate?.(old, fromVersion)
    if (value === undefined) throw toError(`its version is ${fromVersion}`)
    // As text of this version, which is what memory keeps and what a reloaded value is compared with.
    return toText(value as T)
  }

  return {
    isShareable: codec === undefined,
    toText,
    toValue,

    async pack(text, key) {
      const encodings: string[] = []
      let packed = text
      for (const encoder of encoders) {
        const encoded = await encoder.encode(packed, key)
        if (encoded === null) continue
        packed = encoded
        encodings.push(encoder.name)
      }
      const note = {
        ...(version !== 1 && { version }),
        ...(encodings.length > 0 && { encodings }),
      } satisfies FormatNote
      return { text: packed, ...(Object.keys(note).length > 0 && { format: note }) }
    },

    unpack(packed, key) {
      const { encodings = [] } = (packed.format ?? {}) as FormatNote
      return decode(packed, { key, encodings })
    },
  }
}
