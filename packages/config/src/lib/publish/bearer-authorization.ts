import type { ConfigHandlerOptions } from './config-handler.ts'

const minTokenLength = 32

/**
 * Makes an `authorize` for `createConfigHandler` of bearer tokens: each stands for an author, who is then in the history whatever the request
 * says. Tokens are compared as digests, in a time that does not depend on where they differ.
 *
 * @param tokens Each author's token, of at least 32 characters.
 * @throws {TypeError} When there is no token, or a missing or short one.
 *
 * @example
 * ```ts
 * import { bearerAuthorization } from '@codex/config/publisher'
 *
 * const authorize = bearerAuthorization({ pipeline: env.PIPELINE_TOKEN, ada: env.ADA_TOKEN })
 * ```
 */
export function bearerAuthorization(
  tokens: Readonly<Record<string, string>>,
): ConfigHandlerOptions['authorize'] {
  const entries = Object.entries(tokens)
  if (entries.length === 0) {
    throw new TypeError('Cannot authorize publishers: tokens must be at least one, received none')
  }
  for (const [author, token] of entries as [string, unknown][]) {
    if (typeof token === 'string' && token.length >= minTokenLength) continue
    // Of the token not even its length.
    throw new TypeError(
      `Cannot authorize publishers: the token of ${JSON.stringify(author)} must have at least ${minTokenLength} characters, received ${typeof token === 'string' ? 'fewer' : typeof token}`,
    )
  }
  return async (request) => {
    const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.get('Authorization') ?? '') ?? []
    if (given === undefined) return false
    const digest = await toDigest(given)
    let found: string | undefined
    // All of them, so that the time does not tell whose it was either.
    for (const [author, token] of entries) {
      if (isEqual(digest, await toDigest(token))) found = author
    }
    return found === undefined ? false : { author: found }
  }
}

async function toDigest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0)
  return difference === 0
}
