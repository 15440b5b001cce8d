import { type Command, Option } from 'commander'
import { interruptedFailure } from './command-failure.ts'
import { CommandOutput } from './command-output.ts'
import type { CommandWorld } from './command-world.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { parseSeconds } from './option-parsers.ts'

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean
  readonly profiles?: string
  readonly timeout: number
}

/** What a command works with. */
export interface CommandCall<Arguments extends readonly unknown[], Options> {
  readonly world: CommandWorld
  readonly output: CommandOutput
  readonly args: Arguments
  readonly options: Options & GlobalOptions
}

interface RunOptions {
  /** It ends by itself when the signal is aborted, and may need longer for that: to give up what it began. */
  readonly endsItself?: boolean
}

/** Longer than it takes to give up what is under way, and to say what was done. */
const graceMs = 5_000

/** Binds commands to the process, and keeps what the last one ended with. */
export class CommandFrame {
  readonly #world: CommandWorld
  exitCode: ExitCode = exitCodes.ok

  constructor(world: CommandWorld) {
    this.#world = world
  }

  /** An action for Commander: `Arguments` and `Options` are as the command declares them. */
  run<Arguments extends readonly unknown[], Options extends object = object>(
    work: (call: CommandCall<Arguments, Options>) => Promise<ExitCode>,
    { endsItself = false }: RunOptions = {},
  ): (...given: unknown[]) => Promise<void> {
    return async (...given) => {
      const command = given.at(-1) as Command
      const options = command.optsWithGlobals<Options & GlobalOptions>()
      const output = new CommandOutput(this.#world, { isJson: options.json === true })
      const args = command.processedArgs as unknown as Arguments
      const ended = work({ world: this.#world, output, args, options })
      const { signal } = this.#world
      this.exitCode = await (endsItself ? ended : Promise.race([ended, untilGraceIsOver(signal)]))
    }
  }
}

function untilGraceIsOver(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const giveUp = (): void => {
      setTimeout(() => {
        reject(
          interruptedFailure(
            'Interrupted before it was done: what was under way may have been done or not',
            'Look at what is there before you try again',
          ),
        )
      }, graceMs).unref()
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
  })
}

export function addGlobalOptions(program: Command): void {
  program
    .option('--json', 'print the answer as JSON on stdout, and errors as JSON on stderr')
    .option(
      '--profiles <file>',
      'profiles of kv:// and s3:// addresses (default: $CODEX_CONFIG_PROFILES, else codex-config.profiles.yaml where it is there)',
    )
    .addOption(
      new Option('--timeout <time>', 'seconds for each call of a source, or 90s, 5m')
        .default(30)
        .argParser(parseSeconds),
    )
}
