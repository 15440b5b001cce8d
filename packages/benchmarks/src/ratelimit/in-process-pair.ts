import { leaseBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { createGrantingNamespace } from '../limiters/granting-namespace.ts'
import { pairedRatio } from '../paired-ratio.ts'

// A process of its own: what other measurements make of the engine's caches is not carried into this one.

const identifiers = Array.from({ length: 64 }, (_, index) => `client-${index}`)
const callsInBlock = 50_000
const repetitions = 51
const limit = 1_000_000_000

interface Side {
  readonly admit: (identifier: string) => Promise<boolean>
  /** Calls that left the process. */
  readonly countRequests: () => number
}

function openFlexible(): Side {
  const limiter = new RateLimiterMemory({ points: limit, duration: 3600 })
  return {
    admit: async (identifier) => (await limiter.consume(identifier)).remainingPoints > 0,
    countRequests: () => 0,
  }
}

function openCodex(): Side {
  const namespace = createGrantingNamespace()
  const limiter = new RateLimiterClient(leaseBackend(namespace), { onEvent: () => undefined })
  const policy = { limit, window: 3600, keyPrefix: 'api' }
  return {
    admit: async (identifier) => (await limiter.checkLimit(identifier, policy)).allowed,
    countRequests: () => namespace.requests,
  }
}

/** Admits calls, one after the other. @returns Milliseconds. */
async function runBlock({ admit, countRequests }: Side): Promise<number> {
  // The first asks for itself alone, the second for a lease.
  for (const identifier of [...identifiers, ...identifiers, ...identifiers]) await admit(identifier)
  globalThis.gc?.()
  const requestsBefore = countRequests()
  const startedMs = performance.now()
  let admitted = 0
  for (let call = 0; call < callsInBlock; call++) {
    if (await admit(identifiers[call % identifiers.length] ?? '')) admitted++
  }
  const tookMs = performance.now() - startedMs
  if (admitted !== callsInBlock) throw new Error(`${admitted} of ${callsInBlock} were admitted`)
  if (countRequests() !== requestsBefore) throw new Error('An admission went to the authority')
  return tookMs
}

if (!globalThis.gc) throw new Error('Run this with --expose-gc')
const base = openFlexible()
const other = openCodex()
for (const side of [base, other, base, other]) await runBlock(side)
const ratio = await pairedRatio({
  repetitions,
  measure: (side) => runBlock(side === 'base' ? base : other),
})
process.stdout.write(String(ratio))
process.exit(0)
