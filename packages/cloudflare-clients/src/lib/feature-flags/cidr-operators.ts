import { byAny, type FlagOperators } from './condition-operators.ts'
import { refuse } from './definition-parts.ts'
import { parseAddress, parseNetwork } from './ip-network.ts'

/**
 * Finds out whether an IP address is in a network. Hand it to a reader's `operators`: it is not built in, so that readers that do without it
 * weigh less.
 */
export const cidrOperators: FlagOperators = {
  cidr: byAny(
    parseAddress,
    (value) => parseNetwork(value) ?? refuse(),
    (address, holds) => holds(address),
  ),
}
