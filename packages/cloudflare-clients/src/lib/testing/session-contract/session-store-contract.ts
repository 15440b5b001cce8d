import { ContractBench, type ContractCaseDefinition } from './contract-bench.ts'
import { SessionContractError } from './contract-expectations.ts'
import type {
  ContractFeature,
  ContractNeed,
  ContractWorld,
  SessionGuarantees,
} from './contract-subject.ts'
import { dataCases } from './data-cases.ts'
import { endingCases } from './ending-cases.ts'
import { expiryCases } from './expiry-cases.ts'
import { listingCases } from './listing-cases.ts'
import { rotationCases } from './rotation-cases.ts'
import { tokenCases } from './token-cases.ts'
import { worldCases } from './world-cases.ts'

export interface SessionContractOptions {
  /** Makes a new world for each case. */
  readonly createWorld: () => ContractWorld | Promise<ContractWorld>
  /** What the implementation promises. */
  readonly guarantees: SessionGuarantees
  /** What the implementation cannot do, or the world does not offer. Default: nothing. */
  readonly without?: readonly ContractFeature[]
}

/** A case, for any test runner. */
export interface SessionContractCase {
  readonly name: string
  /** What the case needs and is not there: it is not supported, and `run` rejects. Absent: the case can run. */
  readonly requires?: readonly ContractNeed[]
  /** @throws {SessionContractError} When the implementation does not do what the contract wants. */
  run(): Promise<void>
}

const cases: readonly ContractCaseDefinition[] = [
  ...tokenCases,
  ...dataCases,
  ...endingCases,
  ...listingCases,
  ...rotationCases,
  ...expiryCases,
  ...worldCases,
]

/**
 * What holds of every session store, as cases for any test runner: tokens, data, sign-out, lists, rotation, timeouts, failing stores and
 * clocks, each in a world of its own and held to what the implementation promises.
 *
 * @returns Every case, also those that need what is not promised or not there: they say so in `requires`. Skip them, so that
 * they are counted as not supported and not as passed.
 * @throws {RangeError} When a promised time is not a number from 0.
 *
 * @example
 * ```ts
 * import { sessionStoreContract, type ContractWorld } from '@codex/cloudflare-clients/testing'
 *
 * declare function test(name: string, run: () => Promise<void>): void
 * declare function createWorld(): ContractWorld
 *
 * const guarantees = { revocationBoundMs: 60_000, idleTimeoutMs: 3_600_000 }
 * for (const { name, requires, run } of sessionStoreContract({ createWorld, guarantees })) {
 *   if (requires === undefined) test(name, run)
 * }
 * ```
 */
export function sessionStoreContract(
  options: SessionContractOptions,
): readonly SessionContractCase[] {
  const { createWorld, guarantees, without = [] } = options
  for (const [name, value] of Object.entries(guarantees) as [string, unknown][]) {
    if (value === undefined || (typeof value === 'number' && value >= 0 && value < Infinity))
      continue
    throw new RangeError(
      `Cannot list the session contract: ${name} must be a number from 0, received ${typeof value === 'number' ? value : typeof value}`,
    )
  }
  const isThere = (need: ContractNeed): boolean =>
    isGuarantee(need) ? guarantees[need] !== undefined : !without.includes(need)
  return cases.map((definition) => {
    const { name, needs } = definition
    const requires = needs.filter((need) => !isThere(need))
    if (requires.length > 0) {
      const error = `Cannot run case "${name}": it requires ${requires.join(', ')}, received none`
      return { name, requires, run: () => Promise.reject(new SessionContractError(error)) }
    }
    return { name, run: () => runCase(definition, { createWorld, guarantees }) }
  })
}

async function runCase(
  { name, run }: ContractCaseDefinition,
  { createWorld, guarantees }: SessionContractOptions,
): Promise<void> {
  const world = await createWorld()
  try {
    await run(new ContractBench(world, guarantees, name))
  } finally {
    await world.close?.()
  }
}

const guaranteeNames: readonly string[] = [
  'revocationBoundMs',
  'signInBoundMs',
  'updateBoundMs',
  'listBoundMs',
  'graceMs',
  'idleTimeoutMs',
  'absoluteTimeoutMs',
  'renewalFraction',
] satisfies (keyof SessionGuarantees)[]

function isGuarantee(need: ContractNeed): need is Exclude<ContractNeed, ContractFeature> {
  return guaranteeNames.includes(need)
}
