import { FlagsObject, type FlagsObjectEnv } from '../../src/lib/feature-flags/flags-object.ts'
import { wrapKV } from './wrapped-kv.ts'

/** What comes before and after the calls of a namespace, for the objects that a test starts next and has. */
export const kvFaults: {
  isMissing: boolean
  beforeGet: () => void | Promise<void>
  beforePut: (value: string) => void | Promise<void>
} = { isMissing: false, beforeGet: () => undefined, beforePut: () => undefined }

/** The object as it is, before a KV that fails when a test says so. */
export class FaultyFlagsObject extends FlagsObject {
  constructor(ctx: DurableObjectState, env: FlagsObjectEnv) {
    const kv = wrapKV(env.FLAGS_KV, {
      get: async (real, args) => {
        await kvFaults.beforeGet()
        return real(...args)
      },
      put: async (real, args) => {
        await kvFaults.beforePut(String(args[1]))
        return real(...args)
      },
    })
    super(ctx, kvFaults.isMissing ? ({} as FlagsObjectEnv) : { FLAGS_KV: kv })
  }
}
