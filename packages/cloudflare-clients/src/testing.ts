export { type KVOperationCounts, kvPrices, priceKVOperations } from './lib/kv/kv-prices.ts'
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
