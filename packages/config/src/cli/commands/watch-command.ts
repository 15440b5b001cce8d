import type { Command } from 'commander'
import { createConfigRefresher } from '../../lib/client/config-refresher.ts'
import type { LoadedConfig } from '../../lib/load/load-config.ts'
import type { CommandFrame } from '../command-frame.ts'
import { count } from '../command-output.ts'
import { describeFailure, formatFailure } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { formatDifference, type ShownDifference } from '../format-difference.ts'
import { addReadOptions, Layers, type LoadOptions } from '../load-options.ts'
import { parseSeconds } from '../option-parsers.ts'
import { Places } from '../places.ts'

interface WatchOptions extends LoadOptions {
  readonly interval: number
}

export function addWatchCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('watch')
    .summary('print what changes in a configuration, until it is ended')
    .description(
      `Loads a configuration again and again, as a service does, and prints what changed, value by value; with --json an event on each line. Files are watched. A load that fails or is invalid is told, and what was loaded before is held on to. SIGINT ends it, with 0.`,
    )
    .argument('<layers...>', 'layers as for get')
    .option(
      '--interval <time>',
      'how often sources are asked that do not tell of changes',
      parseSeconds,
      60,
    )
  addReadOptions(command).action(
    frame.run<[string[]], WatchOptions>(
      async ({ world, output, args, options }) => {
        const layers = new Layers(args[0], {
          world,
          options,
          places: new Places({ world, options, unit: options.unit }),
        })
        const { hidden } = layers
        /** Not shown in a difference: what is hidden before or after it. */
        let hiddenBefore: ReadonlySet<string> = new Set()
        let newest: LoadedConfig<unknown> | undefined
        let changes = 0
        const say = (event: object, text: string | readonly string[]): void => {
          output.answer({ atMs: Date.now(), ...event }, text)
        }
        const refresher = createConfigRefresher<unknown>(
          {
            uris: layers.sources.map(({ uri }) => uri),
            load: async ({ signal }) => (newest = await layers.load(signal)),
            watchSources: (onChange) => {
              const ends = layers.sources.flatMap((source) => source.watch?.(onChange) ?? [])
              return () => {
                for (const end of ends) end()
              }
            },
          },
          {
            refresh: 'background',
            ttlSeconds: Math.min(Math.max(options.interval, 1), 86_400),
            timeoutMs: Math.min(options.timeout * 1000, 600_000),
            onEvent: (event) => {
              if (event.type === 'changed') {
                const hiddenNow = newest === undefined ? hiddenBefore : hidden.pathsOf(newest)
                const paths = new Set([...hiddenBefore, ...hiddenNow])
                const differences = event.differences.map((difference): ShownDifference => {
                  const { path, kind } = difference
                  return {
                    path,
                    kind,
                    ...('before' in difference && {
                      before: hidden.value(difference.before, path, paths),
                    }),
                    ...('after' in difference && {
                      after: hidden.value(difference.after, path, paths),
                    }),
                  }
                })
                hiddenBefore = hiddenNow
                changes++
                const { versions } = event
                say({ event: 'changed', versions, differences }, differences.map(formatDifference))
              } else if (event.type === 'refresh_failed' || event.type === 'outdated') {
                const failure = describeFailure(event.error)
                const { code, message, faults } = failure
                if (output.isJson) say({ event: 'failed', code, message, faults }, [])
                else for (const line of formatFailure(failure)) output.note(line)
              }
            },
          },
        )
        try {
          await refresher.ready()
          const loaded = newest
          if (loaded !== undefined) hiddenBefore = hidden.pathsOf(loaded)
          const sources = count(layers.sources.length, 'source', 'sources')
          output.note(`Watching ${sources}, each ${options.interval} s; SIGINT ends it`)
          if (output.isJson) say({ event: 'loaded', versions: loaded?.versions ?? {} }, [])
          await untilAborted(world.signal)
        } finally {
          refresher.close()
        }
        output.note(`Ended after ${count(changes, 'change', 'changes')}`)
        return exitCodes.ok
      },
      { endsItself: true },
    ),
  )
}

/** Keeps the process at work, which a signal alone does not: the timers of a refresher do not. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const day = setInterval(() => undefined, 86_400_000)
    const end = (): void => {
      clearInterval(day)
      resolve()
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
