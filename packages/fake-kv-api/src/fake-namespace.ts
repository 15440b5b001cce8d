/** One entry, as the API holds it. */
export interface FakeEntry {
  readonly value: Uint8Array
  /** JSON. `undefined`: none. */
  readonly metadataJson?: string | undefined
  /** Seconds of the epoch. */
  readonly expiration?: number | undefined
}

export interface FakePage {
  readonly keys: readonly { readonly name: string; readonly entry: FakeEntry }[]
  /** Empty: there is no further page. */
  readonly cursor: string
}

/** The entries of one namespace. An expired one is there no more. */
export class FakeNamespace {
  readonly id: string
  title: string
  readonly jurisdiction: string | undefined
  readonly #entries = new Map<string, FakeEntry>()
  readonly #now: () => number

  constructor(options: {
    readonly id: string
    readonly title: string
    readonly jurisdiction?: string | undefined
    readonly now: () => number
  }) {
    this.id = options.id
    this.title = options.title
    this.jurisdiction = options.jurisdiction
    this.#now = options.now
  }

  get(key: string): FakeEntry | null {
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    const { expiration = Infinity } = entry
    return expiration * 1000 <= this.#now() ? null : entry
  }

  /** A value as text. */
  text(key: string): string | null {
    const entry = this.get(key)
    return entry === null ? null : Buffer.from(entry.value).toString()
  }

  put(
    key: string,
    entry: Omit<FakeEntry, 'value'> & { readonly value: Uint8Array | string },
  ): void {
    const { value } = entry
    this.#entries.set(key, {
      ...entry,
      value: typeof value === 'string' ? Buffer.from(value) : value,
    })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Every key that has an entry, in the order of their UTF-8 bytes. */
  keys(): string[] {
    return [...this.#entries.keys()]
      .filter((key) => this.get(key) !== null)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  list(page: {
    readonly prefix: string
    readonly cursor: string
    readonly limit: number
  }): FakePage {
    const after = Buffer.from(page.cursor, 'base64')
    const rest = this.keys().filter(
      (key) => key.startsWith(page.prefix) && Buffer.compare(Buffer.from(key), after) > 0,
    )
    const names = rest.slice(0, page.limit)
    const last = names.at(-1)
    const isEnd = rest.length <= page.limit || last === undefined
    return {
      keys: names.flatMap((name) => {
        const entry = this.get(name)
        return entry === null ? [] : [{ name, entry }]
      }),
      cursor: isEnd ? '' : Buffer.from(last).toString('base64'),
    }
  }
}
