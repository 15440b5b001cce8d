/** What the tests run in, and the Durable Objects of this package. */
export { ConfigObject } from '../../src/durable-objects.ts'

export { FaultyConfigObject } from './faulty-config-object.ts'

export default {
  fetch() {
    return new Response(null, { status: 404 })
  },
} satisfies ExportedHandler
