export { CoordinationObject } from './lib/coordination/coordination-object.ts'
export { RateLimiterObject } from './lib/rate-limiter/rate-limiter-object.ts'
export { SecondaryStorageObject } from './lib/session/secondary-storage-object.ts'
export { SessionObject } from './lib/session/session-object.ts'
