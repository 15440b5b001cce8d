/** The Durable Objects of this package's tests. */
export {
  CoordinationObject,
  FlagsObject,
  RateLimiterObject,
  SecondaryStorageObject,
  SessionObject,
} from '../../src/durable-objects.ts'

export { FaultyFlagsObject } from './faulty-flags-object.ts'

export default {} satisfies ExportedHandler
