import type { IdentifierResult } from './identifier-result.ts'
import { assertPrefixLength, ipIdentifier, type IpIdentifierOptions } from './ip-identifier.ts'

export interface ClientIpOptions extends IpIdentifierOptions {
  /**
   * Zones whose Workers may fetch on behalf of their own clients, as CF-Worker names them. Their CF-Connecting-IP is taken
   * for the client's; a Worker of the same zone can set it. Default: none, so a request from any Worker is refused.
   */
  readonly trustedWorkerZones?: readonly string[]
  /**
   * The other end of the connection, for where there is no CF-Connecting-IP, as in local development. Not asked where the
   * header is there. An error that it throws counts as no address. Default: none.
   */
  readonly socketAddress?: () => string | null | undefined
}

/** What carries the headers of a request. */
export interface RequestWithHeaders {
  readonly headers: { get(name: string): string | null }
}

/**
 * The identifier of the client that sent a request to Cloudflare, as {@link ipIdentifier} writes it.
 *
 * It reads CF-Connecting-IP, which Cloudflare sets and no client can; CF-Connecting-IPv6, only where CF-Connecting-IP is a
 * Pseudo IPv4 address; and CF-Worker, which says that a Worker sent the request. It never reads X-Forwarded-For, whose
 * first address is whatever the client wrote. A Worker that is reached by anything but Cloudflare's edge must not use it.
 *
 * @returns The identifier, or why there is none: never one that many clients share.
 * @throws {RangeError} When `ipv6PrefixLength` is not a whole number from 32 to 64.
 * @see https://developers.cloudflare.com/fundamentals/reference/http-headers/
 *
 * @example
 * ```ts
 * import { clientIp } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const client = clientIp(request)
 * if (!client.ok) throw new Response(`No client address: ${client.reason}`, { status: 403 })
 * console.log(client.identifier)
 * ```
 */
export function clientIp(
  request: RequestWithHeaders,
  { trustedWorkerZones = [], socketAddress, ...options }: ClientIpOptions = {},
): IdentifierResult {
  if (options.ipv6PrefixLength !== undefined) assertPrefixLength(options.ipv6PrefixLength)
  const workerZone = request.headers.get('CF-Worker')?.toLowerCase()
  if (
    workerZone !== undefined &&
    !trustedWorkerZones.some((zone) => zone.toLowerCase() === workerZone)
  ) {
    return { ok: false, reason: 'cloudflare_worker' }
  }
  const connecting = request.headers.get('CF-Connecting-IP')
  if (connecting === null) return ipIdentifier(askSocket(socketAddress), options)
  const result = ipIdentifier(connecting, options)
  if (result.ok || result.reason !== 'pseudo_ipv4') return result
  // Pseudo IPv4 moves the real address here. Elsewhere this header is whatever the client sent.
  const original = request.headers.get('CF-Connecting-IPv6')
  return original === null ? result : ipIdentifier(original, options)
}

function askSocket(socketAddress: ClientIpOptions['socketAddress']): string | null | undefined {
  try {
    return socketAddress?.()
  } catch {
    // SvelteKit throws where its adapter cannot tell, and not knowing is an answer here.
    return null
  }
}
