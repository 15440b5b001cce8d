import { createHash } from 'node:crypto'
import type { Command } from 'commander'
import { ConfigError, type ConfigFault } from '../../lib/config-error.ts'
import type { SourceDocument } from '../../lib/config-source.ts'
import { parseDocument } from '../../lib/load/parse-document.ts'
import {
  CommandFailure,
  interruptedFailure,
  notFoundFailure,
  refusedFailure,
  usageFailure,
} from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { count, formatNumber } from '../command-output.ts'
import {
  type CopyItem,
  type CopyTarget,
  openCopyTarget,
  refuseSharedPlaces,
  type TargetState,
} from '../copy/copy-target.ts'
import { describeFailure } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { Places } from '../places.ts'
import { addChangeOptions, type ChangeOptions, openPublishing, toChange } from '../publishing.ts'
import { showUri } from '../show-uri.ts'

interface CopyOptions extends ChangeOptions {
  readonly publish?: boolean
  readonly overwrite?: boolean
  readonly dryRun?: boolean
}

export function addCopyCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('copy')
    .summary('copy configuration between files, https, S3 and KV')
    .description(
      `Copies configuration from a file, a folder, https, S3 or KV to a file, a folder, S3 or KV, each text as it is. Of a published configuration the stable release is copied.

A target that ends in a slash (or /* of KV, or is a folder) takes any number of texts, each below it by its name. Nothing is copied when a text cannot be parsed, or would take the place of another one: --overwrite allows it, and --publish makes a new version of it. What is there already as it is stays, so that the same command goes on after an end in the middle.`,
    )
    .argument(
      '<from>',
      'file, folder, https:, s3:// or kv://; all below s3://<bucket>/<prefix>/* or kv://<alias>/<prefix>/*',
    )
    .argument('<to>', 'file, folder, s3:// or kv://')
    .option('--publish', 'to KV: publish each text as a new version')
    .option('--overwrite', 'write over texts that are there')
    .option('--dry-run', 'say what would be copied, and copy nothing')
  addChangeOptions(command).action(
    frame.run<[string, string], CopyOptions>(async ({ world, output, args, options }) => {
      const [from, to] = args
      const places = new Places({ world, options })
      if (options.publish === true && !to.startsWith('kv://')) {
        throw usageFailure(
          `Cannot publish to ${showUri(to)}: kv:// was wanted, received another address`,
        )
      }
      const target = await openCopyTarget(to, places)
      const items = await readItems(from, { places, signal: world.signal })
      if (items.length > 1 && !target.isMany) {
        throw usageFailure(
          `Cannot copy ${formatNumber(items.length)} texts to ${showUri(to)}: a folder or a prefix was wanted, which ends in a slash, received one place`,
        )
      }
      refuseSharedPlaces(items, target)
      const states = await target.readStates(items)
      const plan = items.map((item, index) =>
        planItem(item, states[index] ?? { kind: 'nothing' }, options),
      )
      refuse(plan, target)
      const changes = plan.filter(({ action }) => action === 'write').map(({ item }) => item)
      const unchanged = items.length - changes.length
      const list = changes.map((item) => ({ from: item.from, to: target.uriOf(item) }))
      const rest = unchanged === 0 ? '' : `; ${formatNumber(unchanged)} as they are already`
      if (options.dryRun === true) {
        output.answer({ wouldCopy: list, unchanged }, [
          `Would copy ${count(list.length, 'text', 'texts')}${rest}`,
          ...list.map((one) => `  ${one.from} → ${one.to}`),
        ])
        return exitCodes.ok
      }
      let done = 0
      const progress = output.progress('Copied', changes.length)
      try {
        const size = options.publish === true ? 1 : target.batchSize
        for (let start = 0; start < changes.length; start += size) {
          world.signal.throwIfAborted()
          const batch = changes.slice(start, start + size)
          if (options.publish === true) {
            for (const item of batch) {
              const { publisher } = openPublishing(
                target.uriOf(item),
                { world, output, options },
                places,
              )
              const { text, syntax } = item
              await publisher.publish(text, { syntax, ...toChange(options) })
            }
          } else await target.write(batch, world.signal)
          done += batch.length
          progress.at(done)
        }
      } catch (error) {
        progress.end()
        const said = `${formatNumber(done)} of ${count(changes.length, 'text is', 'texts are')} copied`
        const hint = 'The same command goes on from there'
        if (world.signal.aborted) throw interruptedFailure(`Interrupted: ${said}`, hint)
        const { code, message, exitCode, faults } = describeFailure(error)
        throw new CommandFailure(`${message}; ${said}`, { code, exitCode, faults, hint })
      }
      progress.end()
      const verb = options.publish === true ? 'Published' : 'Copied'
      output.answer({ copied: list, unchanged }, [
        `${verb} ${count(list.length, 'text', 'texts')}${rest}`,
        ...list.map((one) => `  ${one.from} → ${one.to}`),
      ])
      return exitCodes.ok
    }),
  )
}

async function readItems(
  from: string,
  { places, signal }: { readonly places: Places; readonly signal: AbortSignal },
): Promise<readonly CopyItem[]> {
  const { uri: base, documents } = await readDocuments(from, { places, signal })
  const faults: ConfigFault[] = []
  const items = documents.map((document): CopyItem => {
    if (!('text' in document)) {
      throw usageFailure(`Cannot copy ${showUri(from)}: a text was wanted, received variables`)
    }
    faults.push(...faultsOf(document))
    const { uri, text, syntax } = document
    const isJson = (syntax ?? (/\.json$/i.test(uri) ? 'json' : 'yaml')) === 'json'
    return { from: uri, name: nameOf(uri, base), text, syntax: isJson ? 'json' : 'yaml' }
  })
  if (faults.length === 0) return items
  throw new ConfigError(
    `Cannot copy ${showUri(from)}: ${count(faults.length, 'fault', 'faults')}`,
    {
      code: 'corrupt',
      operation: 'copy',
      faults,
    },
  )
}

async function readDocuments(
  from: string,
  { places, signal }: { readonly places: Places; readonly signal: AbortSignal },
): Promise<{ readonly uri: string; readonly documents: readonly SourceDocument[] }> {
  if (!/^s3:.*[*/]$/s.test(from)) {
    const source = places.source(from)
    return { uri: source.uri, documents: await source.load({ signal }) }
  }
  const documents: SourceDocument[] = []
  for await (const source of places.s3Objects(from)) {
    documents.push(...(await source.load({ signal })))
  }
  if (documents.length === 0) {
    throw notFoundFailure(`Cannot copy ${showUri(from)}: there is no object below it`)
  }
  return { uri: `${from.replace(/\*$/, '')}*`, documents }
}

function faultsOf(document: SourceDocument): readonly ConfigFault[] {
  try {
    parseDocument(document)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

/** What a text is called below a folder or a prefix. */
function nameOf(uri: string, sourceUri: string): string {
  const base = sourceUri.endsWith('*') ? sourceUri.slice(0, -1) : null
  if (base !== null && uri.startsWith(base)) return decodeURIComponent(uri.slice(base.length))
  // What has a query; in the name of a file they are characters as any other.
  const [path = ''] = /^https?:/i.test(uri) ? uri.split(/[?#]/) : [uri]
  const name = path.split('/').at(-1) ?? ''
  return uri.startsWith('file:') ? name.replace(/^file:/, '') : decodeURIComponent(name)
}

interface PlannedItem {
  readonly item: CopyItem
  readonly action: 'write' | 'keep' | 'refuse'
  readonly reason?: string
}

function planItem(item: CopyItem, state: TargetState, options: CopyOptions): PlannedItem {
  if (state.kind === 'published') {
    const sha256 = createHash('sha256').update(item.text).digest('hex')
    if (state.sha256 === sha256 && !state.isRollingOut) return { item, action: 'keep' }
    if (options.publish === true) return { item, action: 'write' }
    return { item, action: 'refuse', reason: 'is a published configuration, with versions' }
  }
  if (state.kind === 'nothing' || options.publish === true) return { item, action: 'write' }
  if (state.text === item.text) return { item, action: 'keep' }
  if (options.overwrite === true) return { item, action: 'write' }
  return { item, action: 'refuse', reason: 'is there with another text' }
}

/** @throws {CommandFailure} Before anything is written, when anything would be lost. */
function refuse(plan: readonly PlannedItem[], target: CopyTarget): void {
  const refused = plan.filter(({ action }) => action === 'refuse')
  const [first] = refused
  if (first === undefined) return
  const more = refused.length === 1 ? '' : `, and ${formatNumber(refused.length - 1)} more`
  throw refusedFailure(
    `Cannot copy: ${target.uriOf(first.item)} ${first.reason ?? ''}${more}`,
    '--overwrite writes over a text, --publish makes a new version of a configuration in KV',
  )
}
