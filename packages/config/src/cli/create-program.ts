import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { addGlobalOptions, type CommandFrame } from './command-frame.ts'
import { addCandidateCommands } from './commands/candidate-commands.ts'
import { addCopyCommand } from './commands/copy-command.ts'
import { addDiffCommand } from './commands/diff-command.ts'
import { addPushCommand } from './commands/push-command.ts'
import { addRollbackCommand } from './commands/rollback-command.ts'
import { addRolloutCommand } from './commands/rollout-command.ts'
import { addVersionsCommand } from './commands/versions-command.ts'
import { addWatchCommand } from './commands/watch-command.ts'
import { addExplainCommand } from './commands/explain-command.ts'
import { addExportCommand } from './commands/export-command.ts'
import { addGetCommand } from './commands/get-command.ts'
import { addImportCommand } from './commands/import-command.ts'
import { addValidateCommand } from './commands/validate-command.ts'

interface PackageJson {
  readonly version: string
}

const exitCodesHelp = `
Exit codes:
  0  done, valid, equal
  1  no: it differs, or is invalid
  2  the command line is not what was wanted
  3  not found
  4  refused: forbidden, or somebody else changed it meanwhile
  5  unavailable: failed or could not be reached; try again
  70 a fault of this program
  130 ended by a signal before it was done`

/** The whole command tree. Nothing runs before it parses arguments. */
export function createProgram(frame: CommandFrame): Command {
  const program = new Command('codex-config')
  program
    .description('Reads, checks, publishes and moves layered configuration')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', exitCodesHelp)
    .showSuggestionAfterError()
  addGlobalOptions(program)
  for (const add of commands) add(program, frame)
  return program
}

function readVersion(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')
  return (JSON.parse(text) as PackageJson).version
}

const commands: readonly ((program: Command, frame: CommandFrame) => void)[] = [
  addGetCommand,
  addExplainCommand,
  addValidateCommand,
  addDiffCommand,
  addPushCommand,
  addVersionsCommand,
  addRollbackCommand,
  addRolloutCommand,
  addCandidateCommands,
  addWatchCommand,
  addCopyCommand,
  addImportCommand,
  addExportCommand,
]
