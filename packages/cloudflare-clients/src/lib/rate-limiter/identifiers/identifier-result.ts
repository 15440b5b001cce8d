/** Why there is no identifier of one client. */
export type IdentifierRefusal =
  /** No address came with the request. */
  | 'missing'
  /** What came is no address. */
  | 'malformed'
  /** `0.0.0.0/8` or `::`: nobody's address. */
  | 'unspecified'
  /** `224.0.0.0/4` or `ff00::/8`: the address of a group, which nothing is sent from. */
  | 'multicast'
  /** `240.0.0.0/4`: what Cloudflare's Pseudo IPv4 puts in place of an IPv6 address. Many share one. */
  | 'pseudo_ipv4'
  /** The request comes from a Worker of another zone. Everything such Workers send has one address. */
  | 'cloudflare_worker'

/** An identifier to count under, or why there is none. Never an identifier that many clients share. */
export type IdentifierResult =
  | { readonly ok: true; readonly identifier: string }
  | { readonly ok: false; readonly reason: IdentifierRefusal }

/** There is no identifier of one client, and the caller wanted an error for that. Its message holds no address. */
export class IdentifierRefusedError extends Error {
  override readonly name = 'IdentifierRefusedError'
  readonly reason: IdentifierRefusal

  constructor(reason: IdentifierRefusal) {
    super(`Cannot identify client: its address must stand for one client, received ${reason}`)
    this.reason = reason
  }
}

/**
 * Takes the identifier out of a result, for callers that answer a refusal with an error.
 *
 * @throws {IdentifierRefusedError} When there is none.
 *
 * @example
 * ```ts
 * import { clientIp, requireIdentifier } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const identifier = requireIdentifier(clientIp(request))
 * ```
 */
export function requireIdentifier(result: IdentifierResult): string {
  if (!result.ok) throw new IdentifierRefusedError(result.reason)
  return result.identifier
}

/**
 * Takes the identifier out of a result, and gives all clients without one a single identifier: they share one limit,
 * so one of them can use it up for the others. No address has that identifier.
 *
 * @returns The identifier, or `shared:` and the reason.
 *
 * @example
 * ```ts
 * import { clientIp, sharedIdentifier } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const identifier = sharedIdentifier(clientIp(request)) // '203.0.113.7', or 'shared:missing'
 * ```
 */
export function sharedIdentifier(result: IdentifierResult): string {
  return result.ok ? result.identifier : `shared:${result.reason}`
}
