import { toJsonTextOfAnySize } from '../kv/kv-entry.ts'

/** A text as it is stored. */
export interface PackedText {
  readonly text: string
  /** What the format notes in the entry's metadata to read the text again: plain JSON. */
  readonly format?: unknown
}

/**
 * How the values of a definition become the text of an entry, and values again. What throws while an entry is read
 * makes it a miss, and the message of a `CacheLoadError` is reported; it must not quote the value.
 */
export interface ValueFormat<T> {
  /** Whether one value may be given to many readers: it is plain JSON, and is frozen. Otherwise each has its own. */
  readonly isShareable: boolean
  /** @throws {TypeError} When the value has no text. */
  toText(value: T | null): string
  /** Gives a value, or a promise of it. */
  toValue(text: string): unknown
  /** Turns a text into what is stored: compressed, or with its version. */
  pack(text: string, key: string): PackedText | Promise<PackedText>
  /** Gives back the text that {@link toValue} takes. */
  unpack(packed: PackedText, key: string): string | Promise<string>
}

/** Plain JSON, stored as it is. */
export const jsonFormat: ValueFormat<unknown> = {
  isShareable: true,
  // Of any size, because a format on top of this one may make it smaller.
  toText: (value) => toJsonTextOfAnySize('cache value', value),
  toValue: (text) => JSON.parse(text) as unknown,
  pack: (text) => ({ text }),
  unpack: ({ text }) => text,
}
