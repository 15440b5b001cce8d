export { createEmptyKV } from './lib/kv/empty-kv.ts'
export { keyPatterns, keys } from './lib/kv/keys.ts'
export { KVError, type KVErrorCode, type KVOperationName } from './lib/kv/kv-error.ts'
export { kvLimits } from './lib/kv/kv-limits.ts'
export {
  type KVListKey,
  type KVListOptions,
  type KVListPage,
  type KVSetOptions,
  KVStore,
  type KVStoreOptions,
  type KVValueWithMetadata,
} from './lib/kv/kv-store.ts'
export { meterKV, type KVOperation } from './lib/kv/metered-kv.ts'
