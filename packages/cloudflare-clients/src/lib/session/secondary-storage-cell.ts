import type {
  PutValueRequest,
  SealedPart,
  SecondaryStorageCalls,
  SecondaryStorageNamespace,
  SessionMember,
  StoredValue,
} from './secondary-storage-calls.ts'

/** The synchronous key-value API of a Durable Object’s SQLite, or a map. */
export interface CellRows {
  get(key: string): unknown
  put(key: string, value: unknown): void
  delete(key: string): boolean
  list(options: { readonly prefix: string }): Iterable<[string, unknown]>
}

/** What is kept of every key and every member: when it ends. `null`: never. */
interface Lasting {
  readonly expiresAtMs: number | null
}

type ValueRow = Lasting &
  (
    | {
        readonly type: 'value'
        readonly parts: readonly SealedPart[]
        readonly owner?: string | undefined
      }
    | { readonly type: 'count'; readonly count: number }
    /** A session that was deleted, for as long as a write of before may come. */
    | { readonly type: 'ended'; readonly owner?: string | undefined }
  )

type MemberRow = Lasting & ({ readonly type: 'member'; readonly sealed: Uint8Array } | Ended)
interface Ended {
  readonly type: 'ended'
}

/** Longer than any request that may still write what was deleted. */
const minEndedMs = 86_400_000
const valueKey = 'value'
const memberPrefix = 'member:'

/**
 * Decides for one key of a secondary storage, or for the list of one user’s sessions. Every decision is synchronous, so that nothing comes
 * between reading and writing.
 *
 * What is over is taken for missing at once. Its rows go with `deleteExpired`.
 */
export class SecondaryStorageCell implements SecondaryStorageCalls {
  readonly #rows: CellRows
  readonly #now: () => number

  constructor(rows: CellRows, { now }: { readonly now: () => number }) {
    this.#rows = rows
    this.#now = now
  }

  get(): StoredValue | null {
    const row = this.#value()
    if (row?.type === 'value') return { type: 'value', parts: row.parts.map((part) => part.sealed) }
    return row?.type === 'count' ? { type: 'count', count: row.count } : null
  }

  put({ parts, ttlMs, owner }: PutValueRequest): boolean {
    const row = this.#value()
    if (row?.type === 'ended' && owner !== undefined) return false
    const held = row?.type === 'value' && row.parts.length === parts.length ? row : undefined
    const kept = parts.map((part, index) => newer(held?.parts[index], part))
    // How long it lasts is said in the first part, and goes with it.
    const isOlder = held !== undefined && kept[0] !== parts[0]
    const expiresAtMs = isOlder ? held.expiresAtMs : ttlMs === null ? null : this.#now() + ttlMs
    this.#keep({ type: 'value', parts: kept, expiresAtMs, owner })
    return true
  }

  take({ keepEnded }: { readonly keepEnded: boolean }): {
    readonly value: StoredValue | null
    readonly owner?: string
  } {
    const row = this.#value()
    const value = this.get()
    const owner = row === undefined || row.type === 'count' ? undefined : row.owner
    if (owner !== undefined || (keepEnded && row?.type !== 'count')) {
      this.#keep({ type: 'ended', owner, expiresAtMs: this.#endOf(row?.expiresAtMs) })
    } else {
      this.#rows.delete(valueKey)
    }
    return owner === undefined ? { value } : { value, owner }
  }

  increment(ttlMs: number): number | null {
    const row = this.#value()
    if (row?.type === 'value') return null
    const counting = row?.type === 'count' ? row : undefined
    const count = (counting?.count ?? 0) + 1
    const expiresAtMs = counting === undefined ? this.#now() + ttlMs : counting.expiresAtMs
    this.#keep({ type: 'count', count, expiresAtMs })
    return count
  }

  addMembers(members: readonly SessionMember[]): boolean {
    let isNoneEnded = true
    for (const { id, sealed, expiresAtMs } of members) {
      const row = this.#member(id)
      if (row?.type === 'ended') isNoneEnded = false
      // A longer one stays: who is listed for too long is only looked for in vain.
      else if (expiresAtMs > (row?.expiresAtMs ?? this.#now())) {
        this.#rows.put(memberPrefix + id, {
          type: 'member',
          sealed,
          expiresAtMs,
        } satisfies MemberRow)
      }
    }
    return isNoneEnded
  }

  removeMember(id: string): void {
    const expiresAtMs = this.#endOf(this.#member(id)?.expiresAtMs)
    this.#rows.put(memberPrefix + id, { type: 'ended', expiresAtMs } satisfies MemberRow)
  }

  listMembers(): readonly Pick<SessionMember, 'sealed' | 'expiresAtMs'>[] {
    const nowMs = this.#now()
    return [...this.#rows.list({ prefix: memberPrefix })]
      .map(([, row]) => row as MemberRow)
      .flatMap(({ expiresAtMs, ...row }) =>
        row.type === 'member' && expiresAtMs !== null && expiresAtMs > nowMs
          ? [{ sealed: row.sealed, expiresAtMs }]
          : [],
      )
      .toSorted((one, other) => one.expiresAtMs - other.expiresAtMs)
  }

  /** @returns When the next row is over, or `undefined` where none will be. */
  deleteExpired(): number | undefined {
    const nowMs = this.#now()
    let nextMs = Infinity
    for (const [key, row] of [...this.#rows.list({ prefix: '' })]) {
      const { expiresAtMs } = row as Lasting
      if (expiresAtMs === null) continue
      if (expiresAtMs <= nowMs) this.#rows.delete(key)
      else nextMs = Math.min(nextMs, expiresAtMs)
    }
    return nextMs === Infinity ? undefined : nextMs
  }

  #keep(row: ValueRow): void {
    this.#rows.put(valueKey, row)
  }

  #value(): ValueRow | undefined {
    return this.#live(this.#rows.get(valueKey) as ValueRow | undefined)
  }

  #member(id: string): MemberRow | undefined {
    return this.#live(this.#rows.get(memberPrefix + id) as MemberRow | undefined)
  }

  #live<Row extends Lasting>(row: Row | undefined): Row | undefined {
    return row === undefined || (row.expiresAtMs ?? Infinity) <= this.#now() ? undefined : row
  }

  #endOf(expiresAtMs: number | null | undefined): number {
    return Math.max(expiresAtMs ?? 0, this.#now() + minEndedMs)
  }
}

function newer(held: SealedPart | undefined, given: SealedPart): SealedPart {
  const heldMs = held?.changedAtMs ?? -Infinity
  return held !== undefined && heldMs > (given.changedAtMs ?? Infinity) ? held : given
}

/**
 * Keeps everything in this isolate’s memory, for tests and for what runs in one process: the code of `SecondaryStorageObject`, without a
 * network or a disk. Nothing is ever deleted. Another isolate knows nothing of it.
 *
 * @param options `now`: epoch ms. Default `Date.now`.
 */
export function createMemorySecondaryStorage({
  now = Date.now,
}: { readonly now?: () => number } = {}): SecondaryStorageNamespace {
  const cells = new Map<string, SecondaryStorageCell>()
  return {
    getByName(name) {
      const known = cells.get(name)
      if (known !== undefined) return known
      const cell = new SecondaryStorageCell(new MapRows(), { now })
      cells.set(name, cell)
      return cell
    },
  }
}

class MapRows implements CellRows {
  readonly #rows = new Map<string, unknown>()

  get(key: string): unknown {
    return this.#rows.get(key)
  }

  put(key: string, value: unknown): void {
    this.#rows.set(key, value)
  }

  delete(key: string): boolean {
    return this.#rows.delete(key)
  }

  list({ prefix }: { readonly prefix: string }): Iterable<[string, unknown]> {
    return [...this.#rows].filter(([key]) => key.startsWith(prefix))
  }
}
