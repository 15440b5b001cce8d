export type { BucketingAlgorithm } from './lib/feature-flags/bucketing.ts'
export { cidrOperators } from './lib/feature-flags/cidr-operators.ts'
export type { RulesetStanding } from './lib/feature-flags/compile-flag.ts'
export {
  type CompiledRuleset,
  type CompileOptions,
  compileRuleset,
} from './lib/feature-flags/compile-ruleset.ts'
export type { FlagOperators } from './lib/feature-flags/condition-operators.ts'
export type {
  FlagContext,
  FlagDecision,
  FlagErrorCode,
  FlagEvaluation,
  FlagReason,
} from './lib/feature-flags/flag-evaluation.ts'
export type { FlagRuleset } from './lib/feature-flags/flag-ruleset.ts'
export { murmur3Bucketing } from './lib/feature-flags/murmur3-bucketing.ts'
export { semverOperators } from './lib/feature-flags/semver-operators.ts'
export { sha256Bucketing } from './lib/feature-flags/sha256-bucketing.ts'
