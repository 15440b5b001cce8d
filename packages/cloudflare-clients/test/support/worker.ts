/** The Durable Objects of this package's tests. */
export { RateLimiterObject } from '../../src/durable-objects.ts'

export default {} satisfies ExportedHandler
