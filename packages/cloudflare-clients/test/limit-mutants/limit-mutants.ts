import { type HandMutant, mutant } from '../hand-mutants/run-hand-mutants.ts'

const holder = 'lease-holder.ts'
const backend = 'lease-backend.ts'
const authority = 'limit-authority.ts'
const count = 'limit-count.ts'
const record = 'limit-record.ts'
const fixed = 'algorithms/fixed-window.ts'
const sliding = 'algorithms/sliding-window.ts'
const strict = 'algorithms/strict-sliding-window.ts'
const bucket = 'algorithms/token-bucket.ts'

/** After each of them some admission must break its promise. */
export const limitMutants: readonly HandMutant[] = [
  mutant(
    'a lease ends by the clock of the authority',
    holder,
    'expiresAtMs: sentAtMs + Math.min',
    'expiresAtMs: reply.nowMs + Math.min',
  ),
  mutant(
    'the authority keeps nothing for after a restart',
    authority,
    'this.#storage?.load(key)',
    'undefined',
  ),
  {
    name: 'tokens of a lease that ended are given back',
    changes: [
      {
        file: count,
        from: '  lend(tokens: number,',
        to: '  #ends: { tokens: number; sinceMs: number; untilMs: number }[] = []\n  lend(tokens: number,',
      },
      {
        file: count,
        from: '    const { nowMs, leaseMs } = moment\n',
        to: `    const { nowMs, leaseMs } = moment
    this.#ends = this.#ends.filter(({ tokens: cost, sinceMs: admittedAtMs, untilMs }) => {
      if (untilMs > nowMs) return true
      this.#state = this.#algorithm.credit(this.#state, { cost, admittedAtMs }, moment) ?? this.#state
      return false
    })
    this.#ends.push({ tokens, sinceMs: nowMs, untilMs: nowMs + leaseMs })
`,
      },
    ],
  },
  {
    name: 'a strict window without slack for slices and leases',
    changes: [
      { file: strict, from: 'slicesPerWindow + 1', to: 'slicesPerWindow' },
      { file: strict, from: 'spentSlices + slicesPerLease', to: 'spentSlices' },
    ],
  },
  mutant(
    'a strict window without slack for leases',
    strict,
    'spentSlices + slicesPerLease',
    'spentSlices',
  ),
  mutant(
    'a token bucket that is not smaller while leases are out',
    bucket,
    'slackMs: isLease ? Math.max(slackMs, leaseMsOf(rule)) : slackMs',
    'slackMs',
  ),
  mutant(
    'a lease ends when its reply came',
    holder,
    'sentAtMs + Math.min',
    'receivedAtMs + Math.min',
  ),
  mutant('a lease has no guard', holder, 'maxLeaseMs) - guardMs', 'maxLeaseMs)'),
  mutant(
    'a lease never ends',
    holder,
    'nowMs >= lease.expiresAtMs || lease.tokens',
    'lease.tokens',
  ),
  mutant('a dear call spends one token', holder, 'lease.tokens -= cost', 'lease.tokens -= 1'),
  mutant(
    'two leases in one end with the later',
    holder,
    'expiresAtMs: Math.min(lease.expiresAtMs',
    'expiresAtMs: Math.max(lease.expiresAtMs',
  ),
  mutant(
    'leases in one are counted twice',
    holder,
    'this.#spare = noLease\n    if (lease.tokens',
    'if (lease.tokens',
  ),
  mutant(
    'verdicts are not counted',
    authority,
    '  turn.count.spend(cost, turn)\n  return true',
    '  return true',
  ),
  mutant(
    'leases are not counted',
    authority,
    '  turn.count.lend(lease, { ...turn, leaseMs })\n',
    '',
  ),
  mutant(
    'checks of several limits are admitted where one of them has room',
    authority,
    'fits.every(',
    'fits.some(',
  ),
  mutant(
    'a block does not stop grants',
    authority,
    'const isOpen = !isLate && turn.record.blockedMs === 0',
    'const isOpen = !isLate',
  ),
  mutant(
    'a reset forgets what is out on leases',
    count,
    'const { tokens } = this.#lent.at(nowMs)',
    'const tokens = 0',
  ),
  mutant(
    'a restart forgets what is out on leases',
    count,
    'count.#lent.add(row.leasedTokens',
    'count.#lent.add(0 * row.leasedTokens',
  ),
  mutant('leases that are joined are forgotten', 'lent-tokens.ts', 'joins ? last.tokens : 0', '0'),
  mutant(
    'a row is never written again',
    count,
    'isCovered(nowMs: number): boolean {',
    'isCovered(nowMs: number): boolean {\n    if (this.#row !== undefined) return true',
  ),
  mutant(
    'an admission is given back twice',
    'refunded-receipts.ts',
    ' && !this.#admittedAtMs.has(id)',
    '',
  ),
  mutant(
    'an admission is given back twice after a restart',
    'refunded-receipts.ts',
    'admittedAtMs > this.#unknownUntilMs && ',
    '',
  ),
  mutant(
    'a refund of an earlier window counts in this one',
    fixed,
    'admittedAtMs < startMs || ',
    '',
  ),
  mutant(
    'a sliding window forgets the last one',
    sliding,
    'isNext ? state.current : 0',
    'isNext ? 0 : 0',
  ),
  mutant('a sliding window rounds in favour of the caller', sliding, 'Math.ceil(', 'Math.floor('),
  mutant(
    'a refund of an earlier window counts in this sliding one',
    sliding,
    'admittedAtMs < rolled.startMs || ',
    '',
  ),
  mutant(
    'a token bucket gives back what was refilled already',
    bucket,
    'Math.max(left, lowest)',
    'owed',
  ),
  mutant(
    'an override does not change the burst',
    record,
    'return { ...rule, limit, burst }',
    'return { ...rule, limit }',
  ),
  mutant(
    'an override is kept for ever',
    record,
    '(this.#override?.untilMs ?? neverMs) > this.#seenMs',
    'this.#seenMs > 0',
  ),
  mutant(
    'an override is not in force',
    record,
    'if (limit === undefined) return rule',
    'if (limit !== 0) return rule',
  ),
  mutant(
    'a receipt of a lease is that of a verdict',
    holder,
    'receipts: costs.length',
    'receipts: 0',
  ),
  mutant(
    'a request is sent when its reply came',
    backend,
    'costs, want, sentAtMs, receivedAtMs: now()',
    'costs, want, sentAtMs: now(), receivedAtMs: now()',
  ),
  mutant(
    'calls that share a request get the verdict of another',
    backend,
    'resultOf(costs.length + index)',
    'resultOf(index)',
  ),
  mutant(
    'all requests of a holder have one number',
    backend,
    'const seq = ++lastSeq\n    // Not sooner',
    'const seq = lastSeq\n    // Not sooner',
  ),
]
