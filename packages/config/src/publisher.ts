export type {
  ConfigAuthorityCalls,
  ConfigAuthorityNamespace,
  ConfigChangeReply,
  ConfigChangeRequest,
} from './lib/config-authority-calls.ts'
export type {
  ConfigCandidate,
  ConfigDocument,
  ConfigRelease,
  ConfigReleaseInfo,
  ConfigSyntax,
} from './lib/config-document.ts'
export { bearerAuthorization } from './lib/publish/bearer-authorization.ts'
export {
  type ConfigAuthorization,
  type ConfigHandlerOptions,
  createConfigHandler,
} from './lib/publish/config-handler.ts'
export type { ConfigNotice } from './lib/client/notice.ts'
export type {
  ConfigPublishEvent,
  ConfigPublishReporter,
} from './lib/publish/config-publish-event.ts'
export {
  type ConfigChangeOptions,
  type ConfigPublication,
  ConfigPublisher,
  type ConfigPublisherOptions,
  type ConfigPublishOptions,
} from './lib/publish/config-publisher.ts'
export {
  httpConfigAuthority,
  type HttpConfigAuthorityOptions,
} from './lib/publish/http-config-authority.ts'
export {
  kvConfigAuthority,
  type KVConfigAuthorityOptions,
} from './lib/publish/kv-config-authority.ts'
export {
  type MemoryConfigAuthority,
  memoryConfigAuthority,
  type MemoryConfigAuthorityOptions,
} from './lib/publish/memory-config-authority.ts'
export type {
  RollOutOptions,
  RolloutProbe,
  RolloutResult,
  RolloutStep,
} from './lib/publish/roll-out.ts'
