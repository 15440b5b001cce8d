import {
  FeatureFlags,
  type FlagAuthorityCalls,
  type FlagAuthorityNamespace,
  type FlagDefinition,
  FlagReader,
  type FlagReaderOptions,
  memoryFlagAuthority,
} from '@codex/cloudflare-clients/feature-flags'
import { createSeededRandom } from '@codex/cloudflare-clients/testing'
import { createSeededBytes } from '../seeded-bytes.ts'
import {
  type FlagIsolate,
  flagsNamespace,
  type FlagSystem,
  type FlagWorld,
  type OpenFlagSystem,
} from '../flag-system.ts'
import type { SampleFlag, SampleUser } from '../sample-flags.ts'

export interface CodexFlagOptions {
  /** The bound of one of the flags: its name, and in how many seconds a change of it is seen. Default: no flag is strict. */
  readonly strict?: {
    readonly flag: string
    readonly withinSeconds: number
    /** Whether it gives its off value while it cannot be confirmed. Default false: what was last known. */
    readonly isClosed?: boolean
  }
  /** Whether readers have no binding of the authority. Default false. */
  readonly isKVAlone?: boolean
}

/** An isolate that says which ruleset it answers from. */
interface CodexFlagIsolate extends FlagIsolate {
  readonly version: number
  /** Why the first flag of the last request had its value. */
  readonly reason: string
}

interface OpenCodexFlags extends OpenFlagSystem {
  openIsolate(location: string): CodexFlagIsolate
}

export interface CodexFlagSystem extends FlagSystem {
  open(world: FlagWorld): OpenCodexFlags
}

/** Ours with its defaults: an authority, which publishes to KV, and readers. */
export function createCodexFlags(options: CodexFlagOptions = {}): CodexFlagSystem {
  const { strict, isKVAlone = false } = options
  return {
    id: nameOf(options),
    open: (world) => {
      const { clock, simulator, home } = world
      const { now } = clock
      const common = { now, timers: clock, waitUntil: ignore, onEvent: ignore }
      const authority = memoryFlagAuthority({
        ...common,
        random: createSeededRandom('authority of flags'),
        kv: simulator.location(home).kv(flagsNamespace),
      })
      const kvAt = (location: string): KVNamespace =>
        simulator.location(location).kv(flagsNamespace)
      const optionsAt = (location: string): FlagReaderOptions => ({
        ...common,
        authority: reachFrom(location, authority, world),
      })
      const editor = new FeatureFlags(kvAt(home), {
        ...optionsAt(home),
        random: createSeededBytes('editor of flags'),
      })
      const stored = new Map<string, string>()
      return {
        publish: async (flags) => {
          for (const flag of flags) {
            const text = JSON.stringify(flag)
            if (stored.get(flag.name) === text) continue
            stored.set(flag.name, text)
            await editor.setFlag(flag.name, {
              ...toDefinition(flag),
              ...(strict?.flag === flag.name && {
                strict: {
                  withinSeconds: strict.withinSeconds,
                  ...(strict.isClosed === true && { otherwise: 'off' }),
                },
              }),
            })
          }
        },
        openIsolate: (location) =>
          openIsolate(new FlagReader(kvAt(location), isKVAlone ? common : optionsAt(location))),
      }
    },
  }
}

function nameOf({ strict, isKVAlone = false }: CodexFlagOptions): string {
  if (strict === undefined) return isKVAlone ? 'codex, KV alone' : 'codex, edge'
  const { withinSeconds, isClosed = false } = strict
  return `codex, strict ${withinSeconds} s${isClosed ? ', closed' : ''}`
}

function openIsolate(reader: FlagReader): CodexFlagIsolate {
  let reason = 'none'
  return {
    get reason() {
      return reason
    },
    get version() {
      return reader.getRuleset()?.version ?? 0
    },
    request: async (flags, user) => {
      await reader.ready()
      const context = toContext(user)
      const answers = flags.map(({ name, off }) => reader.evaluate(name, context, off))
      reason = answers[0]?.error?.code ?? answers[0]?.reason ?? 'none'
      return answers.map(({ value }) => value)
    },
  }
}

function ignore(): void {
  // What fails shows in what is answered.
}

/** The binding as an isolate in a location has it. */
function reachFrom(
  location: string,
  authority: FlagAuthorityNamespace,
  { callAuthority }: FlagWorld,
): FlagAuthorityNamespace {
  return {
    getByName: (name): FlagAuthorityCalls => {
      const calls = authority.getByName(name)
      return {
        getRuleset: (version) => callAuthority(location, () => calls.getRuleset(version)),
        change: (request) => callAuthority(location, () => calls.change(request)),
        changeAll: (request) => callAuthority(location, () => calls.changeAll(request)),
        getHistory: (request) => callAuthority(location, () => calls.getHistory(request)),
      }
    },
  }
}

function toContext({ id, country, age }: SampleUser): {
  readonly userId: string
  readonly attributes: Readonly<Record<string, unknown>>
} {
  return { userId: id, attributes: { country, age } }
}

function toDefinition({ isEnabled, on, off, allow, rule }: SampleFlag): FlagDefinition {
  return {
    enabled: isEnabled,
    variants: { on, off },
    defaultVariant: allow === undefined && rule === undefined ? 'on' : 'off',
    ...(allow && { allow }),
    ...(rule && {
      rules: [
        {
          when: {
            all: [
              { attribute: 'country', op: 'in', value: rule.countries },
              { attribute: 'age', op: 'gte', value: rule.minAge },
            ],
          },
          variant: 'on',
        },
      ],
    }),
  }
}
