/**
 * Changes the stored text of a value on its way to KV and back, such as `gzipEncoder()` and `spillToR2()`.
 *
 * The name of an encoder that was applied is stored with the entry, so that entries of before and after a change of
 * encoders are both read. Text must stay text: bulk reads of KV give nothing else.
 */
export interface ValueEncoder {
  /** Stored with every entry that it encoded. Short, and never given to another encoding. */
  readonly name: string
  /** @returns The text to store, or `null` to leave it as it is. */
  encode(text: string, key: string): Promise<string | null>
  /** Rejects when the text is damaged or what it stands for is gone: the cache takes that for a miss. */
  decode(text: string, key: string): Promise<string>
}
