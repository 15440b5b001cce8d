/** The Durable Objects of this package's tests. */
export { CoordinationObject, RateLimiterObject } from '../../src/durable-objects.ts'

export default {} satisfies ExportedHandler
