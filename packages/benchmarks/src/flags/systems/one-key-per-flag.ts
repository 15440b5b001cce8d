import { flagsNamespace, type FlagSystem } from '../flag-system.ts'
import { expectedValue, type SampleFlag } from '../sample-flags.ts'

export interface OneKeyPerFlagOptions {
  /** For how long an isolate keeps what it read. Default: not at all. */
  readonly memorySeconds?: number
}

/** What is written first: a JSON value of KV for each flag, which is read whenever it is asked for. */
export function createOneKeyPerFlag({ memorySeconds = 0 }: OneKeyPerFlagOptions = {}): FlagSystem {
  return {
    id: memorySeconds > 0 ? `a key per flag, ${memorySeconds} s in memory` : 'a key per flag',
    open: ({ clock, simulator, home }) => ({
      publish: async (flags) => {
        const kv = simulator.location(home).kv(flagsNamespace)
        const store = simulator.store(flagsNamespace)
        for (const flag of flags) {
          const text = JSON.stringify(flag)
          if (store.get(`flag:${flag.name}`)?.text !== text) await kv.put(`flag:${flag.name}`, text)
        }
      },
      openIsolate: (location) => {
        const kv = simulator.location(location).kv(flagsNamespace)
        const memory = new Map<string, { readonly flag: SampleFlag; readonly untilMs: number }>()
        const read = async (name: string): Promise<SampleFlag | null> => {
          const known = memory.get(name)
          if (known !== undefined && known.untilMs > clock.now()) return known.flag
          const flag = await kv.get<SampleFlag>(`flag:${name}`, 'json')
          if (flag !== null) {
            memory.set(name, { flag, untilMs: clock.now() + memorySeconds * 1000 })
          }
          return flag
        }
        return {
          request: async (flags, user) => {
            const values = []
            for (const { name, off } of flags) {
              const flag = await read(name)
              values.push(flag === null ? off : expectedValue(flag, user))
            }
            return values
          },
        }
      },
    }),
  }
}
