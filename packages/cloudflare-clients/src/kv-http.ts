export { KVHttpError, type KVHttpErrorCode } from './lib/kv-http/kv-http-error.ts'
export type { KVHttpAuth } from './lib/kv-http/credentials.ts'
export type { KVHttpFetch, KVHttpRequestInit } from './lib/kv-http/default-fetch.ts'
export type { KVHttpRequestEvent } from './lib/kv-http/cloudflare-api.ts'
export type { KVHttpCallOptions, KVHttpOptions } from './lib/kv-http/http-kv-options.ts'
export type { KVBulkEntry } from './lib/kv-http/bulk-calls.ts'
export {
  createHttpKVNamespace,
  type HttpKVNamespace,
  type HttpKVNamespaceOptions,
  type KVNamespaceChoice,
} from './lib/kv-http/create-http-kv-namespace.ts'
export {
  createKVNamespaceAdmin,
  type KVJurisdiction,
  type KVNamespaceAdmin,
} from './lib/kv-http/kv-namespace-admin.ts'
export type { KVNamespaceInfo } from './lib/kv-http/namespace-calls.ts'
export {
  createRequestPacer,
  type RequestPacer,
  type RequestPacerOptions,
} from './lib/kv-http/request-pacer.ts'
export { CloudflareClientError } from './lib/shared/client-error.ts'
export type { Timers } from './lib/shared/timers.ts'
