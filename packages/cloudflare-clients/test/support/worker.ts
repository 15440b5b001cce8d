/** The Durable Objects of this package's tests. */
export {
  CoordinationObject,
  RateLimiterObject,
  SecondaryStorageObject,
  SessionObject,
} from '../../src/durable-objects.ts'

export default {} satisfies ExportedHandler
