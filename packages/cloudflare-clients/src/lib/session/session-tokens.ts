import type { SessionToken } from './session-storage.ts'

/** Tokens of one session that are accepted at the same time, after rotations of one token at once or in a row. */
const maxLiveTokens = 4
/** Tokens of one session that are not accepted any more and still known. */
const maxRetiredTokens = 16

/** `after_grace`: rotated, and no token that came of it was used. It stays good, unless it must not. */
type TokenState = 'current' | 'in_grace' | 'after_grace' | 'rotated' | 'reused'

export function stateOfToken(token: SessionToken, nowMs: number): TokenState {
  const { validUntilMs } = token
  const isInGrace = validUntilMs === undefined || nowMs < validUntilMs
  // Also one that was pushed out: or a thief, who rotates often, would hide behind that.
  if (!isInGrace && token.hasUsedSuccessor === true) return 'reused'
  if (token.isPushedOut === true) return 'rotated'
  if (isInGrace) return validUntilMs === undefined ? 'current' : 'in_grace'
  return token.isFinal === true ? 'rotated' : 'after_grace'
}

export function isAccepted(token: SessionToken, nowMs: number): boolean {
  const state = stateOfToken(token, nowMs)
  return state !== 'rotated' && state !== 'reused'
}

/** @returns The tokens after a use of one, or the same array where it was used before. */
export function withUse(tokens: readonly SessionToken[], hash: string): readonly SessionToken[] {
  const parent = tokens.find((token) => token.hash === hash)?.unusedSuccessorOf
  if (parent === undefined) return tokens
  return tokens.map((token) => {
    if (token.hash === parent) return { ...token, hasUsedSuccessor: true }
    if (token.hash !== hash) return token
    const { unusedSuccessorOf: _used, ...rest } = token
    return rest
  })
}

/** @returns The tokens after the rotation of one that is accepted, `hash`. */
export function withRotation(
  tokens: readonly SessionToken[],
  {
    hash,
    newHash,
    graceMs,
    nowMs,
  }: { hash: string; newHash: string; graceMs: number; nowMs: number },
): readonly SessionToken[] {
  const rotated = withUse(tokens, hash).map((token) => {
    if (token.hash !== hash) return token
    const { validUntilMs = Infinity } = token
    // Another rotation within the grace does not prolong it. After it, the first one's cookie was lost, and it begins again.
    const endsMs = nowMs < validUntilMs ? validUntilMs : Infinity
    return {
      ...token,
      validUntilMs: Math.min(endsMs, nowMs + graceMs),
      ...(graceMs === 0 && { isFinal: true }),
    }
  })
  return forgetOldest(
    pushOut([...rotated, { hash: newHash, unusedSuccessorOf: hash }], { hash, newHash, nowMs }),
    nowMs,
  )
}

function pushOut(
  tokens: readonly SessionToken[],
  { hash, newHash, nowMs }: { hash: string; newHash: string; nowMs: number },
): readonly SessionToken[] {
  const accepted = tokens.filter((token) => isAccepted(token, nowMs))
  const tooMany = accepted.length - maxLiveTokens
  if (tooMany <= 0) return tokens
  // Rather one that is on its way out, then one that never came back, which may have been lost. Not what the caller holds.
  const rank = (token: SessionToken): number => {
    if (token.validUntilMs !== undefined) return 0
    return token.unusedSuccessorOf === undefined ? 2 : 1
  }
  const leaving = accepted
    .filter((token) => token.hash !== hash && token.hash !== newHash)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, tooMany)
  return tokens.map((token) => (leaving.includes(token) ? { ...token, isPushedOut: true } : token))
}

function forgetOldest(tokens: readonly SessionToken[], nowMs: number): readonly SessionToken[] {
  let tooMany = tokens.filter((token) => !isAccepted(token, nowMs)).length - maxRetiredTokens
  return tokens.filter((token) => isAccepted(token, nowMs) || tooMany-- <= 0)
}
