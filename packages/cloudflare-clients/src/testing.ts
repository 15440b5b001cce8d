export { type KVOperationCounts, kvPrices, priceKVOperations } from './lib/kv/kv-prices.ts'
export {
  createMemorySessionAuthority,
  type MemorySessionAuthority,
  type MemorySessionAuthorityOptions,
} from './lib/session/memory-authority.ts'
export { SessionAuthority, type SessionAuthorityOptions } from './lib/session/session-authority.ts'
export type {
  SessionAuthorityCalls,
  SessionAuthorityNamespace,
} from './lib/session/session-authority-calls.ts'
export type { SessionRow, SessionStorage, SessionUserRow } from './lib/session/session-storage.ts'
export type { ConsistencyOptions, ConsistencyPreset } from './lib/testing/consistency.ts'
export type { DelayDistribution } from './lib/testing/delay-distribution.ts'
export {
  createEdgeSimulator,
  type EdgeLocation,
  type EdgeLocationOptions,
  type EdgeSimulator,
  type EdgeSimulatorOptions,
  type SimulatorClock,
} from './lib/testing/edge-simulator.ts'
export type {
  CentralDownFault,
  CorruptFault,
  ErrorFault,
  FaultScope,
  KVFault,
  QuotaExceededFault,
  RateLimitedFault,
  SlowFault,
} from './lib/testing/fault.ts'
export type { LatencyOptions, LatencyPreset } from './lib/testing/latency.ts'
export type { KVBill, KVBillItem, SimulatedOperation } from './lib/testing/ledger.ts'
export { createSeededRandom, type RandomSource } from './lib/testing/seeded-random.ts'
export type { Plan, ServiceLimits } from './lib/testing/service-limits.ts'
export type { StoreEntry, StoreInspector } from './lib/testing/store-inspector.ts'
export {
  createVirtualClock,
  type VirtualClock,
  type VirtualClockOptions,
} from './lib/testing/virtual-clock.ts'
export type {
  AcquireReply,
  AcquireRequest,
  AuthorityNamespace,
  LimitAuthorityCalls,
} from './lib/rate-limiter/authority-protocol.ts'
export { LimitAuthority, type LimitAuthorityOptions } from './lib/rate-limiter/limit-authority.ts'
export type { LimitRow, LimitStorage } from './lib/rate-limiter/limit-row.ts'
export { CookieJar } from './lib/testing/sessions/cookie-jar.ts'
export { useImmediateWebCrypto } from './lib/testing/sessions/immediate-web-crypto.ts'
export {
  runSessionPlan,
  type SessionRunOptions,
  type SessionRunReport,
} from './lib/testing/sessions/run-session-plan.ts'
export type {
  SessionViolation,
  SessionViolationType,
} from './lib/testing/sessions/session-oracle.ts'
export { JsonRows } from './lib/testing/sessions/json-rows.ts'
export {
  createSessionPlan,
  type SessionPlan,
  type SessionPlanOptions,
  type SessionStep,
  type SessionStepType,
} from './lib/testing/sessions/session-plan.ts'
export {
  createSessionStoreSystem,
  type SessionStoreCalls,
  type SessionStoreSystemOptions,
  type SimulatedStoreOptions,
} from './lib/testing/sessions/session-store-system.ts'
export type {
  ChangeOutcome,
  IsolatePlace,
  OpenSessionSystem,
  SessionIsolate,
  SessionPolicy,
  SessionSystem,
  SessionWorld,
  SignInOutcome,
  ViewFreshness,
  ViewOutcome,
} from './lib/testing/sessions/session-system.ts'
export { SessionContractError } from './lib/testing/session-contract/contract-expectations.ts'
export type {
  ContractFeature,
  ContractIsolate,
  ContractNeed,
  ContractSession,
  ContractSignIn,
  ContractWorld,
  HeldWrites,
  SessionGuarantees,
  StoredText,
} from './lib/testing/session-contract/contract-subject.ts'
export {
  type ContractClock,
  type ContractPlace,
  createKVContractWorld,
  type KVContractWorldOptions,
} from './lib/testing/session-contract/kv-contract-world.ts'
export {
  type SessionContractCase,
  type SessionContractOptions,
  sessionStoreContract,
} from './lib/testing/session-contract/session-store-contract.ts'
