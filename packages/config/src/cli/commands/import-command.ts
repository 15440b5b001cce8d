import type { Command } from 'commander'
import { type ImportResult, importEntries } from '../bulk/import-entries.ts'
import { type BulkInput, openBulkInput } from '../bulk/bulk-input.ts'
import { findDiffering } from '../bulk/find-differing.ts'
import { StateFile } from '../bulk/state-file.ts'
import {
  CommandFailure,
  interruptedFailure,
  refusedFailure,
  usageFailure,
} from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { count, formatNumber } from '../command-output.ts'
import { describeFailure } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { type KVPlace, Places } from '../places.ts'

interface ImportCommandOptions {
  readonly overwrite?: boolean
  readonly keepExisting?: boolean
  readonly restart?: boolean
  readonly dryRun?: boolean
}

/** What an earlier run did, beside the input. */
interface ImportState {
  readonly uri: string
  readonly sha256: string
  readonly done: number
}

export function addImportCommand(program: Command, frame: CommandFrame): void {
  program
    .command('import')
    .summary('write many entries below a prefix of KV')
    .description(
      `Writes many entries below a prefix of KV, from a file of JSON lines ({"key", "value", "base64"?, "metadata"?, "expiration"?}), from a folder whose files' paths become keys, or from "-" for stdin.

All of it is checked before anything is written. No published configuration is written over, which has versions. After an end in the middle the same command goes on where it was, by <from>.import-state.json beside the input.`,
    )
    .argument('<from>', 'file of JSON lines, folder, or - for stdin')
    .argument('<to>', 'prefix: kv://<alias>/settings/* or kv://<account>/<namespace>/*')
    .option('--overwrite', 'write over keys that are there (default: refuse all when one is)')
    .option('--keep-existing', 'leave keys that are there as they are')
    .option('--restart', 'begin again, whatever an earlier run did')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action(
      frame.run<[string, string], ImportCommandOptions>(
        async ({ world, output, args, options }) => {
          const [from, to] = args
          if (options.overwrite === true && options.keepExisting === true) {
            throw usageFailure(
              'Cannot import: --overwrite or --keep-existing was wanted, received both',
            )
          }
          const place = new Places({ world, options }).kvPrefix(to)
          const input = await openBulkInput(from, { ...world, prefix: place.key })
          const state =
            input.statePath === null ? null : new StateFile<ImportState>(input.statePath)
          if (options.restart === true) await state?.remove()
          const before = await readState(state, { place, input })
          const doneBefore = before?.done ?? 0
          const existing = await findExisting(place, { input, doneBefore, signal: world.signal })
          if (options.keepExisting !== true) {
            await refuseLoss(input, {
              place,
              existing,
              mayOverwrite: options.overwrite === true,
              isResumed: before !== null,
              signal: world.signal,
            })
          }
          const kept = options.keepExisting === true ? existing : new Set<string>()
          const summary = { uri: place.uri, total: input.total }
          if (options.dryRun === true) {
            const toWrite = input.total - doneBefore - kept.size
            output.answer(
              { ...summary, wouldWrite: toWrite, existing: existing.size },
              `Would import ${count(toWrite, 'entry', 'entries')} to ${place.uri}, of which ${formatNumber(existing.size - kept.size)} over keys that are there`,
            )
            return exitCodes.ok
          }
          if (doneBefore > 0) {
            output.note(
              `Going on after ${formatNumber(doneBefore)} of ${formatNumber(input.total)} entries`,
            )
          }
          const result: ImportResult = { written: 0, kept: 0, expired: 0, done: doneBefore }
          const keepState = async (done: number): Promise<void> => {
            await state?.write({ uri: place.uri, sha256: input.sha256, done })
          }
          try {
            // Of a batch that fails a part may be written: the next run has to know whose it is.
            if (before === null) await keepState(0)
            await importEntries(input, result, {
              kv: place.open().withCallOptions({ signal: world.signal }),
              prefix: place.key,
              doneBefore,
              kept,
              now: Date.now,
              signal: world.signal,
              output,
              onDone: keepState,
            })
          } catch (error) {
            throw endedEarly(error, { result, input, isInterrupted: world.signal.aborted })
          }
          await state?.remove()
          const { written, expired } = result
          const notes = [
            ...(doneBefore > 0
              ? [`${formatNumber(doneBefore)} were there from an earlier run`]
              : []),
            ...(result.kept > 0 ? [`${formatNumber(result.kept)} were left as they are`] : []),
            ...(expired > 0 ? [`${formatNumber(expired)} had expired`] : []),
          ]
          output.answer({ ...summary, written, kept: result.kept, expired, doneBefore }, [
            [`Imported ${count(written, 'entry', 'entries')} to ${place.uri}`, ...notes].join('; '),
          ])
          return exitCodes.ok
        },
      ),
    )
}

/** What an earlier run of the same import did. `null`: there was none. */
async function readState(
  state: StateFile<ImportState> | null,
  { place, input }: { readonly place: KVPlace; readonly input: BulkInput },
): Promise<ImportState | null> {
  const before = (await state?.read()) ?? null
  if (before === null) return null
  if (before.uri === place.uri && before.sha256 === input.sha256) return before
  // It has nothing that could be gone on with, and what is there is looked at as in a first run.
  if (before.done === 0) return null
  const other = before.uri === place.uri ? 'other entries' : `an import to ${before.uri}`
  throw refusedFailure(
    `Cannot import: an earlier run that was not finished was of ${other}`,
    '--restart forgets it and begins again',
  )
}

interface RefuseLossOptions {
  readonly place: KVPlace
  readonly existing: ReadonlySet<string>
  readonly mayOverwrite: boolean
  /** Some of what is there may be of an earlier run of the same import. */
  readonly isResumed: boolean
  readonly signal: AbortSignal
}

/** @throws {CommandFailure} Before anything is written, when something would be lost that may not be. */
async function refuseLoss(
  input: BulkInput,
  { place, existing, mayOverwrite, isResumed, signal }: RefuseLossOptions,
): Promise<void> {
  let there: readonly string[] = [...existing]
  if (mayOverwrite || isResumed) {
    const kv = place.open().withCallOptions({ signal })
    const { published, other } = await findDiffering(input, {
      kv,
      prefix: place.key,
      existing,
      signal,
    })
    const [example] = published
    if (example !== undefined) {
      const are =
        published.length === 1
          ? 'is a published configuration, with versions'
          : 'are published configurations, with versions'
      throw refusedFailure(
        `Cannot import to ${place.uri}: ${count(published.length, 'key', 'keys')} of ${formatNumber(input.total)} ${are}, such as ${JSON.stringify(example)}`,
        '--keep-existing leaves them as they are, push makes a new version of one',
      )
    }
    there = mayOverwrite ? [] : other
  }
  const [example] = there
  if (example === undefined) return
  const are = there.length === 1 ? 'is' : 'are'
  throw refusedFailure(
    `Cannot import to ${place.uri}: ${count(there.length, 'key', 'keys')} of ${formatNumber(input.total)} ${are} there already, such as ${JSON.stringify(example)}`,
    '--overwrite writes over them, --keep-existing leaves them as they are',
  )
}

/** Which keys there are below the prefix, of those that are not done. */
async function findExisting(
  { open, key: prefix }: KVPlace,
  {
    input,
    doneBefore,
    signal,
  }: { readonly input: BulkInput; readonly doneBefore: number; readonly signal: AbortSignal },
): Promise<ReadonlySet<string>> {
  const kv = open()
  // In the order of the input.
  const wanted = new Set([...input.keys].slice(doneBefore))
  const existing = new Set<string>()
  let cursor: string | undefined
  do {
    signal.throwIfAborted()
    const page = await kv.list({ prefix, ...(cursor !== undefined && { cursor }) })
    for (const { name } of page.keys) {
      const key = name.slice(prefix.length)
      if (wanted.has(key)) existing.add(key)
    }
    cursor = page.list_complete ? undefined : page.cursor
  } while (cursor !== undefined)
  return existing
}

function endedEarly(
  error: unknown,
  {
    result,
    input,
    isInterrupted,
  }: { readonly result: ImportResult; readonly input: BulkInput; readonly isInterrupted: boolean },
): CommandFailure {
  const done = `${formatNumber(result.done)} of ${formatNumber(input.total)} entries are done`
  const hint =
    input.statePath === null
      ? '--overwrite writes them again'
      : 'The same command goes on from there'
  if (isInterrupted) return interruptedFailure(`Interrupted: ${done}`, hint)
  const { code, message, exitCode } = describeFailure(error)
  return new CommandFailure(`${message}; ${done}`, { code, exitCode, hint })
}
