export {
  CoordinationObject,
  FlagsObject,
  RateLimiterObject,
  SecondaryStorageObject,
  SessionObject,
} from '@codex/cloudflare-clients/durable-objects'
export { ConfigObject } from '@codex/config/durable-objects'

/** Its objects are reached over bindings. Nothing of it is reached over HTTP. */
export default {
  fetch() {
    return new Response(null, { status: 404 })
  },
} satisfies ExportedHandler
