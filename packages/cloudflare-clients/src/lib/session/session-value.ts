/** What better-auth stores of a session: itself and its user, each of which changes without the other. */
export interface SessionValue {
  readonly userId: string
  readonly expiresAtMs: number
  readonly parts: readonly { readonly text: string; readonly changedAtMs: number | null }[]
}

/** @returns `null` where the value is not a session under its own token. */
export function parseSessionValue(key: string, value: string): SessionValue | null {
  const parsed = parseObject(value)
  const session = toObject(parsed?.session)
  if (parsed === null || session === null) return null
  const { userId, token = key, expiresAt } = session
  const expiresAtMs = toMs(expiresAt)
  if (typeof userId !== 'string' || token !== key || expiresAtMs === null) return null
  const isPair = Object.keys(parsed).length === 2 && 'user' in parsed
  const parts = isPair
    ? [session, parsed.user].map((part) => ({
        text: JSON.stringify(part),
        changedAtMs: toMs(toObject(part)?.updatedAt),
      }))
    : [{ text: value, changedAtMs: null }]
  return { userId, expiresAtMs, parts }
}

/** The reverse of {@link parseSessionValue}. */
export function joinParts(texts: readonly string[]): string {
  const [session = '', user] = texts
  return user === undefined ? session : `{"session":${session},"user":${user}}`
}

interface SessionReference {
  readonly token: string
  readonly expiresAt: number
}

/** @returns The entries that are one; what is no list has none. */
export function parseReferences(value: string): readonly SessionReference[] {
  const list = parseJson(value)
  if (!Array.isArray(list)) return []
  return list.filter((entry: unknown): entry is SessionReference => {
    const { token, expiresAt } = toObject(entry) ?? {}
    return typeof token === 'string' && token !== '' && Number.isFinite(expiresAt)
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parseObject(text: string): Record<string, unknown> | null {
  return text.startsWith('{') ? toObject(parseJson(text)) : null
}

function toObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

function toMs(date: unknown): number | null {
  if (typeof date !== 'string' && typeof date !== 'number') return null
  const ms = new Date(date).getTime()
  return Number.isNaN(ms) ? null : ms
}
