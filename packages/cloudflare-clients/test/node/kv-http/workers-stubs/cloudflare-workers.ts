import { getNamespace } from './namespace.ts'

// What suites import of `cloudflare:workers`, where they run in Node with KV over HTTP.

export const env = {
  get KV(): KVNamespace {
    return getNamespace()
  },
}
