import type { ConfigDocument } from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import { parseConfigDocument } from '../read-config-document.ts'

/** What is in KV under the name of a configuration. */
export type PublishedValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'document'; readonly document: ConfigDocument }
  /** A file that nobody published. */
  | { readonly kind: 'plain'; readonly text: string }
  /** It was a document. `version`: what can be read of it, 0 where nothing can. */
  | { readonly kind: 'corrupt'; readonly version: number }

/** As a document begins where this package wrote it, and a torn one too. */
const beginning = /^\{"codexConfig":1,"name":"(?:[^"\\]|\\.)*","version":(\d{1,15})\b/

export function parsePublished(name: string, text: string | null): PublishedValue {
  if (text === null) return { kind: 'none' }
  try {
    const document = parseConfigDocument(text, name)
    return document === null ? { kind: 'plain', text } : { kind: 'document', document }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { kind: 'corrupt', version: Number(beginning.exec(text)?.[1] ?? 0) }
  }
}
