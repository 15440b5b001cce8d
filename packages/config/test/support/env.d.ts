import type { ConfigObject } from '../../src/durable-objects.ts'
import type { ConfigNotice } from '../../src/publisher.ts'

declare global {
  namespace Cloudflare {
    interface Env {
      readonly CONFIG: DurableObjectNamespace<ConfigObject>
      readonly CONFIG_KV: KVNamespace
      readonly CONFIG_NOTICES: Queue<ConfigNotice>
      readonly FAULTY_CONFIG: DurableObjectNamespace<ConfigObject>
    }
  }
}
