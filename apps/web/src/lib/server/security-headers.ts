const headersOfEveryResponse: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Same-origin and not stricter: SvelteKit's form actions check the Origin header, which no-referrer would empty.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

/** For what is not a page of SvelteKit's (those carry their own with nonces): data, downloads, the fallback error page. */
const strictPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Puts the security headers on a response, leaving a policy that is there already. */
export function setSecurityHeaders(headers: Headers, { https }: { https: boolean }): void {
  for (const [name, value] of Object.entries(headersOfEveryResponse)) headers.set(name, value)
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', strictPolicy)
  if (https) headers.set('strict-transport-security', 'max-age=63072000; includeSubDomains')
}
