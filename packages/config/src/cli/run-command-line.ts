import type { Command, CommanderError } from 'commander'
import { CommandFailure, interruptedFailure } from './command-failure.ts'
import { CommandFrame } from './command-frame.ts'
import { CommandOutput } from './command-output.ts'
import type { CommandWorld } from './command-world.ts'
import { createProgram } from './create-program.ts'
import { describeFailure } from './describe-failure.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'

/** Runs one command to its end. It never rejects. */
export async function runCommandLine(
  args: readonly string[],
  world: CommandWorld,
): Promise<ExitCode> {
  const frame = new CommandFrame(world)
  const program = createProgram(frame)
  takeCommanderErrors(program, world)
  try {
    await program.parseAsync(args, { from: 'user' })
    return frame.exitCode
  } catch (error) {
    if (error instanceof HelpShown) return exitCodes.ok
    const output = new CommandOutput(world, { isJson: args.includes('--json') })
    const isInterrupted = world.signal.aborted && !(error instanceof CommandFailure)
    const failure = describeFailure(
      isInterrupted ? interruptedFailure('Interrupted before it was done') : error,
    )
    output.fail(failure)
    return failure.exitCode
  }
}

/** What was asked for was help, or the version. */
class HelpShown extends Error {}

/** Commander would write its errors itself, and end the process. */
function takeCommanderErrors(program: Command, world: CommandWorld): void {
  for (const command of [program, ...program.commands]) {
    command
      .configureOutput({
        writeOut: (text) => world.stdout.write(text),
        // Help that was not asked for: it comes with an error, which says it shorter.
        writeErr: () => undefined,
        getOutHelpWidth: () => 100,
        outputError: () => undefined,
      })
      .exitOverride((error) => {
        throw toUsageFailure(error, command)
      })
  }
}

function toUsageFailure(error: CommanderError, command: Command): Error {
  if (error.exitCode === 0) return new HelpShown()
  const isNothing = error.code === 'commander.help'
  const message = isNothing ? 'A command must be given' : error.message.replace(/^error: /, '')
  const name =
    command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`
  return new CommandFailure(message.charAt(0).toUpperCase() + message.slice(1), {
    code: 'usage',
    exitCode: exitCodes.usage,
    hint: `Usage: ${name} ${command.usage()}\nSee ${name} --help`,
  })
}
