import { CookieJar } from 'tough-cookie'
import {
  addOperations,
  noOperations,
  type Operations,
  parseOperationsHeader,
} from './operations.ts'

/** Cookies that open nothing: this one holds the address that a page tells to look for mail. */
const publicCookies = new Set(['codex-pending-email', '__Host-codex-pending-email'])

/** Who a client pretends to be. */
export interface SiteClientOptions {
  /**
   * The address the site sees. Local workerd trusts this header where Cloudflare sets it. Default: one of its own for
   * every client, so that the limits that go by address do not mix the clients up.
   */
  readonly clientIp?: string
  /** Called with every cookie value and every mailed token that the site gives to this visitor. */
  readonly onSecret?: (secret: string) => void
}

/** An answer, read to its end. */
export interface SiteResponse {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** What the answer says it cost, `null` when it does not say. */
  readonly operations: Operations | null
  /** The address a redirect points to, without the origin. */
  readonly location: string | null
}

/** The paths that the links of a page lead to, in order, each as often as it is there. */
export function linksOf(page: Pick<SiteResponse, 'url' | 'text'>): readonly string[] {
  const hrefs = Array.from(
    page.text.matchAll(/<a\b[^>]*?\shref="([^"]*)"/g),
    ([, href = '']) => href,
  )
  return hrefs.map((href) => {
    const url = new URL(href.replaceAll('&amp;', '&'), page.url)
    return url.pathname + url.search
  })
}

/** What to send besides the path. */
export interface SiteRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestInit['body']
}

/** A visitor of the site over HTTP: keeps cookies as a browser does, adds up what its requests cost, follows nothing. */
export class SiteClient {
  readonly origin: string
  readonly clientIp: string
  readonly #jar = new CookieJar()
  readonly #onSecret: ((secret: string) => void) | undefined
  #operations: Operations = noOperations

  constructor(url: string, options: SiteClientOptions = {}) {
    this.origin = new URL(url).origin
    this.clientIp = options.clientIp ?? randomAddress()
    this.#onSecret = options.onSecret
  }

  /** What the requests so far cost, as the responses tell. */
  get operations(): Operations {
    return this.#operations
  }

  async cookieHeader(): Promise<string> {
    return this.#jar.getCookieString(this.origin)
  }

  /** A second visitor with a copy of this one's cookies: the same person's other tab, or a thief. */
  async copy(): Promise<SiteClient> {
    const copy = new SiteClient(this.origin, {
      clientIp: this.clientIp,
      ...(this.#onSecret && { onSecret: this.#onSecret }),
    })
    for (const cookie of await this.#jar.getCookies(this.origin)) {
      await copy.#jar.setCookie(cookie, this.origin)
    }
    return copy
  }

  async setCookie(cookie: string): Promise<void> {
    await this.#jar.setCookie(cookie, this.origin)
  }

  /** Passes on a token that reached this visitor in another way than a cookie. */
  noteSecret(secret: string): void {
    this.#onSecret?.(secret)
  }

  get(path: string): Promise<SiteResponse> {
    return this.request(path)
  }

  /** Sends a form as a browser without JavaScript does. Files make it multipart. */
  postForm(
    path: string,
    fields: Readonly<Record<string, string | File>> = {},
  ): Promise<SiteResponse> {
    const entries = Object.entries(fields)
    if (entries.every(([, value]) => typeof value === 'string')) {
      const body = new URLSearchParams(entries as [string, string][])
      return this.request(path, { method: 'POST', body })
    }
    const body = new FormData()
    for (const [name, value] of entries) body.set(name, value)
    return this.request(path, { method: 'POST', body })
  }

  postJson(path: string, value: unknown): Promise<SiteResponse> {
    return this.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value),
    })
  }

  async request(path: string, request: SiteRequest = {}): Promise<SiteResponse> {
    const url = new URL(path, this.origin)
    const headers = new Headers({
      accept: 'text/html,application/json',
      'cf-connecting-ip': this.clientIp,
      ...request.headers,
    })
    const cookies = await this.#jar.getCookieString(url.href)
    if (cookies !== '' && !headers.has('cookie')) headers.set('cookie', cookies)
    if (request.method !== undefined && !headers.has('origin')) headers.set('origin', this.origin)
    const response = await fetch(url, {
      method: request.method ?? 'GET',
      headers,
      body: request.body ?? null,
      redirect: 'manual',
    })
    for (const cookie of response.headers.getSetCookie()) {
      await this.#jar.setCookie(cookie, url.href, { ignoreError: true })
      const [pair = ''] = cookie.split(';')
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      if (value !== '' && !publicCookies.has(name)) this.#onSecret?.(value)
    }
    const operations = parseOperationsHeader(response.headers)
    if (operations !== null) this.#operations = addOperations(this.#operations, operations)
    const location = response.headers.get('location')
    return {
      url: url.href,
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      operations,
      location: location === null ? null : pathOf(new URL(location, url), this.origin),
    }
  }
}

function pathOf(url: URL, origin: string): string {
  return url.origin === origin ? url.pathname + url.search : url.href
}

/** From 198.18.0.0/15, which RFC 2544 sets apart for tests. */
function randomAddress(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3))
  return `198.${18 + (a % 2)}.${b}.${c}`
}
