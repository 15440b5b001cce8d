export type { CoordinationNamespace, PermitStatus } from './lib/coordination/coordination-calls.ts'
export {
  CoordinationClient,
  type LockOptions,
  type OnceOptions,
  type PermitOptions,
} from './lib/coordination/coordination-client.ts'
export {
  CoordinationError,
  type CoordinationErrorCode,
} from './lib/coordination/coordination-error.ts'
export type { CoordinationOptions } from './lib/coordination/coordination-options.ts'
export { CounterClient, type CounterOptions } from './lib/coordination/counter-client.ts'
export type { Held } from './lib/coordination/held-permit.ts'
export {
  memoryCoordination,
  type MemoryCoordinationOptions,
} from './lib/coordination/memory-coordination.ts'
