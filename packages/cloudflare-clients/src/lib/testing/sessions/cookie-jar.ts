/** The cookies of one browser for one site, by what Set-Cookie headers say. */
export class CookieJar {
  readonly #cookies: Map<string, { readonly value: string; readonly endsAtMs: number }>
  readonly #now: () => number

  constructor(now: () => number, cookies: CookieJar['header'] = '') {
    this.#now = now
    this.#cookies = new Map(
      cookies === ''
        ? []
        : cookies
            .split('; ')
            .map((pair) => [nameOf(pair), { value: valueOf(pair), endsAtMs: Infinity }]),
    )
  }

  /** What the browser sends. */
  get header(): string {
    const nowMs = this.#now()
    return [...this.#cookies]
      .filter(([, { endsAtMs }]) => endsAtMs > nowMs)
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  take(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [pair = '', ...attributes] = setCookie.split(/;\s*/)
      let endsAtMs = Infinity
      for (const attribute of attributes) {
        const value = valueOf(attribute)
        const name = nameOf(attribute).toLowerCase()
        if (name === 'max-age') endsAtMs = this.#now() + Number(value) * 1000
        else if (name === 'expires') endsAtMs = Math.min(endsAtMs, Date.parse(value))
      }
      if (endsAtMs <= this.#now()) this.#cookies.delete(nameOf(pair))
      else this.#cookies.set(nameOf(pair), { value: valueOf(pair), endsAtMs })
    }
  }
}

function nameOf(pair: string): string {
  const at = pair.indexOf('=')
  return at < 0 ? pair : pair.slice(0, at)
}

function valueOf(pair: string): string {
  const at = pair.indexOf('=')
  return at < 0 ? '' : pair.slice(at + 1)
}
