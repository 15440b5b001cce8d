export { ConfigError, type ConfigErrorCode, type ConfigFault } from './lib/config-error.ts'
export type {
  ConfigSource,
  SourceDocument,
  SourceLoadOptions,
  SourceResolver,
} from './lib/config-source.ts'
export type { ConfigOrigin, ConfigTree, ConfigValue } from './lib/config-tree.ts'
export { Secret } from './lib/secret.ts'

export { coalesceSource } from './lib/sources/coalesced-source.ts'
export { type ConfigEnvironment, envSource } from './lib/sources/env-source.ts'
export {
  httpsSource,
  type HttpsSourceOptions,
  type SourceFetch,
} from './lib/sources/https-source.ts'
export { kvSource, type KVSourceKey, type KVSourceOptions } from './lib/sources/kv-source.ts'
export { s3Source, type S3SourceOptions } from './lib/sources/s3-source.ts'

export type { ConfigSchema, JsonSchema } from './lib/load/config-schema.ts'
export type { EnvironmentOverrides } from './lib/load/environment-overrides.ts'
export {
  type ConfigDifference,
  type ConfigExplanation,
  type ConfigSourceInput,
  loadConfig,
  type LoadConfigOptions,
  type LoadedConfig,
} from './lib/load/load-config.ts'
export type { ListRule, ListRules } from './lib/load/merge-layers.ts'
export {
  envReferences,
  kvReferences,
  type ReferenceKV,
  type ReferenceProvider,
  type ReferenceRequest,
  type SecretsStoreBinding,
  secretsStoreReferences,
} from './lib/load/reference-provider.ts'

export { ConfigClient, type ConfigClientOptions } from './lib/client/config-client.ts'
export type {
  ConfigEvent,
  ConfigEventReporter,
  NoticeDropReason,
} from './lib/client/config-event.ts'
export {
  type ConfigProbe,
  type ConfigProbeOptions,
  createConfigProbe,
} from './lib/client/config-probe.ts'
export type {
  ConfigChange,
  ConfigRefresh,
  ConfigRefreshOptions,
  ConfigStatus,
} from './lib/client/config-refresh.ts'
export type { ConfigNotice } from './lib/client/notice.ts'
