import type { CommandResult } from './run-command.ts'

/** One thing that has to hold. */
export interface Step {
  readonly name: string
  /** What it proves, in a few words. */
  readonly proves: string
  readonly run: () => Promise<StepResult>
}

/** What a step found. `detail` is one line when it is fine, and all that helps when it is not. */
export interface StepResult {
  readonly ok: boolean
  readonly detail?: string
}

/** A step that is fine when a command exits with 0. */
export async function commandSucceeds(result: Promise<CommandResult>): Promise<StepResult> {
  const { exitCode, output } = await result
  return exitCode === 0 ? { ok: true } : { ok: false, detail: output }
}
