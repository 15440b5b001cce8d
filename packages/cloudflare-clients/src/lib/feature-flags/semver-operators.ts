import { byOrder, type FlagOperators } from './condition-operators.ts'
import { compareVersions, parseVersion } from './semantic-version.ts'

const byVersion = byOrder(parseVersion, compareVersions)

/**
 * Compares versions as Semantic Versioning 2.0.0 says. Hand it to a reader's `operators`: it is not built in, so that readers that do without
 * it weigh less.
 */
export const semverOperators: FlagOperators = {
  semver_eq: byVersion.eq,
  semver_lt: byVersion.lt,
  semver_lte: byVersion.lte,
  semver_gt: byVersion.gt,
  semver_gte: byVersion.gte,
}
