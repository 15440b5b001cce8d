import { expect, test } from 'vitest'
import { checkCsrf, type CsrfOptions } from './check-csrf.ts'

const own = 'https://example.com'
const admin = 'https://admin.example.com'
const evil = 'https://evil.example'

interface Sent {
  readonly method?: string
  readonly site?: string
  readonly origin?: string
  readonly cookie?: boolean
  readonly upgrade?: string
  readonly url?: string
}

/** Not a `Request`, which some runtimes keep `Origin` and `Sec-Fetch-Site` from being set on. */
function createRequest({ method = 'POST', site, origin, cookie = true, upgrade, url }: Sent) {
  const headers = new Headers()
  if (site !== undefined) headers.set('Sec-Fetch-Site', site)
  if (origin !== undefined) headers.set('Origin', origin)
  if (cookie) headers.set('Cookie', '__Host-session=token')
  if (upgrade !== undefined) headers.set('Upgrade', upgrade)
  return { method, url: url ?? `${own}/account`, headers }
}

const trusting: CsrfOptions = { trustedOrigins: [admin] }

test.for<[Sent, CsrfOptions, string]>([
  // Methods
  [{ method: 'GET', site: 'cross-site', origin: evil }, {}, 'ok'],
  [{ method: 'HEAD', site: 'cross-site', origin: evil }, {}, 'ok'],
  [{ method: 'OPTIONS', site: 'cross-site', origin: evil }, {}, 'ok'],
  [{ method: 'GET' }, {}, 'ok'],
  [{ method: 'get', site: 'cross-site' }, {}, 'cross_site'],
  [{ method: 'PUT', site: 'cross-site' }, {}, 'cross_site'],
  [{ method: 'DELETE', site: 'cross-site' }, {}, 'cross_site'],
  [{ method: 'PATCH', site: 'cross-site' }, {}, 'cross_site'],
  [{ method: 'MADE-UP', site: 'cross-site' }, {}, 'cross_site'],
  [{ method: 'GET', upgrade: 'websocket', origin: evil }, {}, 'other_origin'],
  [{ method: 'GET', upgrade: 'WebSocket', site: 'same-site' }, {}, 'same_site'],
  [{ method: 'GET', upgrade: 'websocket', origin: own }, {}, 'ok'],
  [{ method: 'GET', upgrade: 'h2c', site: 'cross-site' }, {}, 'ok'],
  // Sec-Fetch-Site
  [{ site: 'same-origin' }, {}, 'ok'],
  [{ site: 'same-origin', origin: 'http://behind-a-proxy' }, {}, 'ok'],
  [{ site: 'none' }, {}, 'ok'],
  [{ site: 'same-site' }, {}, 'same_site'],
  [{ site: 'same-site', origin: admin }, {}, 'same_site'],
  [{ site: 'same-site', origin: admin }, trusting, 'ok'],
  [{ site: 'cross-site' }, {}, 'cross_site'],
  [{ site: 'cross-site', origin: admin }, trusting, 'ok'],
  [{ site: 'cross-site', origin: evil }, trusting, 'cross_site'],
  [{ site: 'cross-site', origin: own }, {}, 'cross_site'],
  [{ site: 'cross-site', origin: 'null' }, trusting, 'cross_site'],
  [{ site: 'cross-site', cookie: false }, {}, 'cross_site'],
  [{ site: 'cross-site' }, { allowNonBrowser: true }, 'cross_site'],
  [{ site: '' }, {}, 'cross_site'],
  [{ site: 'same-origin, cross-site' }, {}, 'cross_site'],
  // Origin
  [{ origin: own }, {}, 'ok'],
  [{ origin: own, url: `${own}:443/` }, {}, 'ok'],
  [{ origin: `${own}:8443`, url: `${own}:8443/` }, {}, 'ok'],
  [{ origin: `${own}:8443` }, {}, 'other_origin'],
  [{ origin: 'http://example.com' }, {}, 'other_origin'],
  [{ origin: `${own}/` }, {}, 'other_origin'],
  [{ origin: `${own}.evil.example` }, {}, 'other_origin'],
  [{ origin: 'https://evil-example.com' }, {}, 'other_origin'],
  [{ origin: 'https://EXAMPLE.com' }, {}, 'other_origin'],
  [{ origin: 'null' }, {}, 'other_origin'],
  [{ origin: '' }, {}, 'other_origin'],
  [{ origin: admin }, {}, 'other_origin'],
  [{ origin: admin }, trusting, 'ok'],
  [{ origin: `${admin}.evil.example` }, trusting, 'other_origin'],
  [{ origin: evil, cookie: false }, {}, 'other_origin'],
  [{ origin: evil }, { allowNonBrowser: true }, 'other_origin'],
  // Neither
  [{}, {}, 'no_origin'],
  [{}, trusting, 'no_origin'],
  [{}, { allowNonBrowser: true }, 'ok'],
  [{ cookie: false }, {}, 'ok'],
])('judges %j with %j: %s', ([sent, options, expected]) => {
  const result = checkCsrf(createRequest(sent), options)
  expect(result.ok ? 'ok' : result.reason).toBe(expected)
})

test.for([
  [{ trustedOrigins: own }, 'trustedOrigins must be a list, received string'],
  ...[
    'example.com',
    '*',
    'https://*.example.com',
    `${own}/`,
    `${own}/path`,
    `${own}:443`,
    'https://EXAMPLE.com',
    'null',
    '',
    'file:///',
    'https://',
  ].map(
    (origin) =>
      [
        { trustedOrigins: [admin, origin] },
        `trustedOrigins must hold origins such as "https://example.com", received ${JSON.stringify(origin)}`,
      ] as const,
  ),
  [
    { trustedOrigins: [/./] },
    'trustedOrigins must hold origins such as "https://example.com", received object',
  ],
  [{ allowNonBrowser: 'yes' }, 'allowNonBrowser must be true or false, received string'],
] as const)('refuses the options %j, whatever the request', ([options, message]) => {
  for (const method of ['GET', 'POST']) {
    const check = () => checkCsrf(createRequest({ method }), options as CsrfOptions)
    expect(check).toThrow(TypeError)
    expect(check).toThrow(`Cannot check for CSRF: ${message}`)
  }
})
