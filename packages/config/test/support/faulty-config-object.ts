import { ConfigObject, type ConfigObjectEnv } from '../../src/durable-objects.ts'

/** What comes before the calls of bindings, for the objects that a test starts next and has. */
export const bindingFaults: {
  isMissing: boolean
  beforeGet: (key: string) => void | Promise<void>
  beforePut: (key: string, value: string) => void | Promise<void>
  beforeSend: (notice: unknown) => void | Promise<void>
} = {
  isMissing: false,
  beforeGet: () => undefined,
  beforePut: () => undefined,
  beforeSend: () => undefined,
}

/** The object as it is, before bindings that fail when a test says so. */
export class FaultyConfigObject extends ConfigObject {
  constructor(ctx: DurableObjectState, env: ConfigObjectEnv) {
    const kv = {
      get: async (key: string) => {
        await bindingFaults.beforeGet(key)
        return env.CONFIG_KV.get(key)
      },
      put: async (key: string, value: string) => {
        await bindingFaults.beforePut(key, value)
        await env.CONFIG_KV.put(key, value)
      },
    } as unknown as KVNamespace
    const notices = {
      send: async (notice: unknown) => {
        await bindingFaults.beforeSend(notice)
      },
    } as unknown as Required<ConfigObjectEnv>['CONFIG_NOTICES']
    super(
      ctx,
      bindingFaults.isMissing
        ? ({} as ConfigObjectEnv)
        : { CONFIG_KV: kv, CONFIG_NOTICES: notices },
    )
  }
}
