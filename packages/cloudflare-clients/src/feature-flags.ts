export type { BucketingAlgorithm } from './lib/feature-flags/bucketing.ts'
export { sha256Bucketing } from './lib/feature-flags/sha256-bucketing.ts'
export type { ExposureIdentify } from './lib/feature-flags/create-exposure-identity.ts'
export {
  createExposureReporter,
  type ExposureReporter,
  type ExposureReporterOptions,
} from './lib/feature-flags/create-exposure-reporter.ts'
export type {
  FlagAuthorityCalls,
  FlagAuthorityNamespace,
  FlagChange,
  FlagFault,
  FlagHistoryRequest,
  FlagTarget,
} from './lib/feature-flags/flag-authority-calls.ts'
export type {
  FlagBucketing,
  FlagComparison,
  FlagCondition,
  FlagDefinition,
  FlagJson,
  FlagOperator,
  FlagPrerequisite,
  FlagRule,
  FlagSegment,
  FlagShare,
  FlagStrictness,
  FlagType,
  FlagValue,
} from './lib/feature-flags/flag-definition.ts'
export type {
  FlagContext,
  FlagDecision,
  FlagErrorCode,
  FlagEvaluation,
  FlagReason,
} from './lib/feature-flags/flag-evaluation.ts'
export type {
  FlagAuditEvent,
  FlagExposure,
  FlagReaderEvent,
  FlagReaderOptions,
  FlagReadiness,
  FlagWriteOptions,
} from './lib/feature-flags/flag-options.ts'
export type { FlagRuleset, StoredFlag, StoredSegment } from './lib/feature-flags/flag-ruleset.ts'
export { memoryFlagAuthority } from './lib/feature-flags/memory-flag-authority.ts'
export type {
  MemoryFlagAuthority,
  MemoryFlagAuthorityOptions,
} from './lib/feature-flags/memory-flag-authority.ts'
export { murmur3Bucketing } from './lib/feature-flags/murmur3-bucketing.ts'
export { cidrOperators } from './lib/feature-flags/cidr-operators.ts'
export { semverOperators } from './lib/feature-flags/semver-operators.ts'
export type { FlagOperators } from './lib/feature-flags/condition-operators.ts'
export { validateFlag, validateSegment } from './lib/feature-flags/validate-flag.ts'
export { toChangedFlags } from './lib/feature-flags/changed-flags.ts'
export { FlagError, type FlagFailureCode } from './lib/feature-flags/flag-error.ts'
export { FlagReader } from './lib/feature-flags/flag-reader.ts'
export {
  FeatureFlags,
  type FeatureFlagsOptions,
  type FlagImportOptions,
  type FlagImportResult,
  type FlagWriteResult,
} from './lib/feature-flags/feature-flags.ts'
export {
  type LegacyFlagFault,
  type LegacyFlagOptions,
  type LegacyFlags,
  readLegacyFlags,
} from './lib/feature-flags/legacy-flags.ts'
export type { ExposureSink, ReportedExposure } from './lib/feature-flags/reported-exposure.ts'
export {
  type AnalyticsDataset,
  toAnalyticsEngine,
} from './lib/feature-flags/to-analytics-engine.ts'
export { type ExposureMessage, toQueue } from './lib/feature-flags/to-queue.ts'
