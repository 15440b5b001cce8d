import type {
  ContractIsolate,
  ContractPlace,
  ContractSession,
  ContractSignIn,
  StoredText,
} from '../../src/testing.ts'

/** The ways to get sessions wrong, each in one place. */
export const sessionFaults = [
  'mixes users up',
  'accepts what is malformed',
  'rejects long tokens',
  'accepts cut tokens',
  'ignores case',
  'has UUIDs as tokens',
  'repeats a token',
  'stores tokens',
  'takes what is stored for a token',
  'loses what is not ASCII',
  'shares data',
  'keeps the object it is given',
  'gives its own object',
  'forgets changes elsewhere',
  'revives on update',
  'keeps what is signed out here',
  'keeps what is signed out elsewhere',
  'brings back what is signed out',
  'writes back late',
  'rejects a second sign-out',
  'misses one of all',
  'blocks after all',
  'ends the excepted one too',
  'lets sign-ins overtake',
  'keeps what is replaced',
  'loses one in lists',
  'lists what has ended',
  'lists something for nobody',
  'drops data on rotation',
  'keeps the older token',
  'has no grace',
  'ends one token only',
  'ends idle sessions late',
  'ends idle sessions early',
  'never slides',
  'refreshes without effect',
  'slides past the absolute timeout',
  'refreshes past the absolute timeout',
  'fails in the last minute',
  'writes on each use',
  'shows sign-ins late',
  'signs out when it fails',
  'says a failed sign-out is done',
  'distrusts the future',
] as const
export type SessionFault = (typeof sessionFaults)[number]

interface Stored {
  readonly id: string
  readonly userId: string
  data: unknown
  readonly madeIn: string
  readonly madeAtMs: number
  seenAtMs: number
  endsAtMs: number
  endedAtMs?: number
  endedIn?: string
  changedIn?: string
}

interface Token {
  readonly session: Stored
  readonly validUntilMs: number
}

const idleMs = 3_600_000
const absoluteMs = 14_400_000
const graceMs = 60_000
const everything = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_'

/** Sessions in one store that all locations see at once: as good as can be, but for one fault. */
export class BrokenSessions {
  readonly #fault: SessionFault | undefined
  readonly #tokens = new Map<string, Token>()
  readonly #epochs = new Map<string, number>()
  #minted = 0
  #written = 0

  constructor(fault?: SessionFault) {
    this.#fault = fault
  }

  dump(): readonly StoredText[] {
    return [...this.#tokens].map(([token, { session }]) => ({
      key: this.#has('stores tokens') ? `session:${token}` : `session:${hash(token)}`,
      value: JSON.stringify(session),
    }))
  }

  open({ location, kv, now, reach }: ContractPlace): ContractIsolate {
    const has = (fault: SessionFault): boolean => this.#has(fault)
    // Each under a key of its own, because KV takes one write per key and second.
    const write = (): Promise<void> => kv.put(`write ${++this.#written}`, '')
    const read = (): Promise<void> => reach(() => Promise.resolve())
    const sessionsOf = (userId: string): Stored[] => [
      ...new Set(
        [...this.#tokens.values()].map(({ session }) => session).filter((s) => s.userId === userId),
      ),
    ]
    const isLive = (session: Stored): boolean =>
      session.endedAtMs === undefined && now() < endOf(session)
    const endOf = (session: Stored): number => {
      const wrongMs = has('ends idle sessions late') ? 1 : has('ends idle sessions early') ? -1 : 0
      const idleEndMs = session.seenAtMs + idleMs + wrongMs
      return Math.min(idleEndMs, session.endsAtMs)
    }
    const end = (session: Stored): void => {
      session.endedAtMs ??= now()
      session.endedIn ??= location
    }
    const find = (given: string): Token | undefined => {
      for (const [token, found] of this.#tokens) {
        if (token === given) return found
        if (has('ignores case') && token.toLowerCase() === given.toLowerCase()) return found
        if (has('accepts cut tokens') && given.length > 5 && token.startsWith(given)) return found
        if (has('takes what is stored for a token') && hash(token) === given) return found
      }
      return undefined
    }
    const findLive = (given: string): Token | undefined => {
      const token = find(given)
      return token && isLive(token.session) && now() < token.validUntilMs ? token : undefined
    }
    const add = (session: Stored): string => {
      const token = this.#mint()
      this.#tokens.set(token, { session, validUntilMs: Infinity })
      return token
    }
    const isAccepted = ({ session, validUntilMs }: Token): boolean => {
      if (now() >= endOf(session) || now() >= validUntilMs) return false
      if (has('shows sign-ins late') && session.madeIn !== location && now() < session.madeAtMs + 1)
        return false
      if (has('distrusts the future') && session.madeAtMs > now()) return false
      if (session.endedAtMs === undefined) return true
      const isHere = session.endedIn === location
      const sinceMs = now() - session.endedAtMs
      return (
        (has('keeps what is signed out here') && isHere && sinceMs === 0) ||
        (has('keeps what is signed out elsewhere') && !isHere && sinceMs < 60_000) ||
        (has('brings back what is signed out') && sinceMs > 600_000)
      )
    }

    return {
      signIn: async (userId: string, options: ContractSignIn) => {
        const { data, replaces, checkCredentials } = options
        const epoch = this.#epochs.get(userId) ?? 0
        await checkCredentials?.()
        await write()
        const isOvertaken = (this.#epochs.get(userId) ?? 0) > epoch
        if (isOvertaken && !has('lets sign-ins overtake'))
          throw new Error('All sessions have ended')
        if (has('blocks after all') && epoch > 0) throw new Error('No sessions any more')
        const replaced = replaces === undefined ? undefined : find(replaces)
        if (replaced && !has('keeps what is replaced')) end(replaced.session)
        return add({
          id: crypto.randomUUID(),
          userId,
          data: has('keeps the object it is given') ? data : structuredClone(this.#toData(data)),
          madeIn: location,
          madeAtMs: now(),
          seenAtMs: now(),
          endsAtMs: now() + absoluteMs,
        })
      },
      validate: async (given) => {
        try {
          await read()
        } catch (error) {
          if (has('signs out when it fails')) return null
          throw error
        }
        const token = find(given ?? '')
        if (token === undefined) {
          if (has('rejects long tokens') && (given ?? '').length > 512) throw new Error('414')
          return has('accepts what is malformed') && given === ' ' ? { userId: 'x' } : null
        }
        if (!isAccepted(token)) return null
        const { session } = token
        const isDue = now() - session.seenAtMs >= idleMs / 10
        if (has('slides past the absolute timeout')) session.endsAtMs = now() + absoluteMs
        if ((isDue || has('writes on each use')) && !has('never slides')) {
          await write()
          session.seenAtMs = now()
        }
        return this.#show(session, location)
      },
      update: async (given, data) => {
        const token = has('revives on update') ? find(given) : findLive(given)
        if (token === undefined) return false
        const { session } = token
        if (has('fails in the last minute') && endOf(session) - now() < 60_000) {
          throw new Error('400 Invalid expiration')
        }
        await write()
        if (has('writes back late') || has('revives on update')) delete session.endedAtMs
        session.data = structuredClone(data)
        session.changedIn = location
        return true
      },
      refresh: async (given) => {
        const token = findLive(given)
        if (token === undefined) return false
        await write()
        if (has('refreshes past the absolute timeout')) token.session.endsAtMs = now() + absoluteMs
        if (!has('refreshes without effect')) token.session.seenAtMs = now()
        return true
      },
      rotate: async (given) => {
        const token = findLive(given)
        if (token === undefined) return null
        await write()
        const { session } = token
        if (has('drops data on rotation')) session.data = null
        const validUntilMs = has('keeps the older token') ? Infinity : now() + graceMs
        const isGone = has('has no grace')
        this.#tokens.set(given, { session, validUntilMs: isGone ? now() : validUntilMs })
        return add(has('ends one token only') ? { ...session } : session)
      },
      destroy: async (given) => {
        if (!has('says a failed sign-out is done')) await read()
        const failed = await read().then(
          () => false,
          () => true,
        )
        const token = find(given)
        if (token === undefined || failed) return
        const isAgain = token.session.endedAtMs !== undefined
        if (has('rejects a second sign-out') && isAgain) throw new Error('There is no such session')
        end(token.session)
      },
      destroyAll: async (userId) => {
        await read()
        this.#epochs.set(userId, (this.#epochs.get(userId) ?? 0) + 1)
        sessionsOf(userId)
          .slice(has('misses one of all') ? 1 : 0)
          .forEach(end)
      },
      destroyOthers: async (userId, exceptToken) => {
        await read()
        const except = has('ends the excepted one too') ? undefined : find(exceptToken)?.session
        for (const session of sessionsOf(userId)) if (session !== except) end(session)
      },
      list: async (userId) => {
        await read()
        const all = sessionsOf(userId)
        if (has('lists something for nobody') && all.length === 0) return ['somebody']
        const listed = has('lists what has ended') ? all : all.filter(isLive)
        return listed.slice(has('loses one in lists') ? 1 : 0).map(({ id }) => id)
      },
    }
  }

  #has(fault: SessionFault): boolean {
    return this.#fault === fault
  }

  #mint(): string {
    this.#minted++
    if (this.#has('repeats a token') && this.#minted === 200)
      return [...this.#tokens.keys()][0] ?? ''
    if (this.#has('has UUIDs as tokens')) return crypto.randomUUID()
    const bytes = crypto.getRandomValues(new Uint8Array(32))
    return Array.from(bytes, (byte) => everything[byte % 64]).join('')
  }

  #toData(data: unknown): unknown {
    if (!this.#has('loses what is not ASCII') || data === undefined) return data
    return JSON.parse(JSON.stringify(data).replaceAll(/[^\x20-\x7e]/g, '?'))
  }

  #show(session: Stored, location: string): ContractSession {
    const { id, userId, data, changedIn = location } = session
    const [other] = [...this.#tokens.values()]
    if (this.#has('mixes users up')) return { id, userId: other?.session.userId ?? '', data }
    if (this.#has('shares data')) return { id, userId, data: other?.session.data }
    if (this.#has('gives its own object')) return { id, userId, data }
    const isMissed = this.#has('forgets changes elsewhere') && changedIn !== location
    return { id, userId, data: isMissed ? { step: 1 } : structuredClone(data) }
  }
}

/** Not for secrets: it stands in for one that is. */
function hash(token: string): string {
  return token.split('').reverse().join('')
}
