import type { Command } from 'commander'
import type { ConfigDocument, ConfigReleaseInfo } from '../../lib/config-document.ts'
import { notFoundFailure } from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { formatNumber } from '../command-output.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseVersion, parseWholeNumber } from '../option-parsers.ts'
import { addAuthorityOptions, type AuthorityOptions, openPublishing } from '../publishing.ts'
import { visibleText } from '../visible-text.ts'

interface VersionsOptions extends AuthorityOptions {
  readonly limit: number
  readonly before?: number
}

export function addVersionsCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('versions')
    .summary('list the releases of a published configuration, or print one')
    .description(
      `Lists the releases of a published configuration, newest first: which one is stable, which is a candidate and for how many of a hundred readers, which was given up. With a version it prints the text of that release.`,
    )
    .argument('<kv-uri>', 'kv://<alias>/<key> or kv://<account>/<namespace>/<key>')
    .argument('[version]', 'print the text of this release', parseVersion)
    .option('--limit <number>', 'how many to list, to 100', parseWholeNumber(1, 100), 20)
    .option('--before <version>', 'list only older ones', parseVersion)
  addAuthorityOptions(command).action(
    frame.run<[string, number | undefined], VersionsOptions>(
      async ({ world, output, args, options }) => {
        const [uri, version] = args
        const { place, publisher } = openPublishing(uri, { world, output, options })
        if (version !== undefined) {
          const release = await publisher.release(version)
          output.answer({ uri: place.uri, ...release }, release.body)
          return exitCodes.ok
        }
        const { limit, before } = options
        const [releases, { document }] = await Promise.all([
          publisher.history({ limit, ...(before !== undefined && { beforeVersion: before }) }),
          publisher.current(),
        ])
        if (document === undefined) {
          throw notFoundFailure(`Cannot list versions of ${place.uri}: nothing is published there`)
        }
        const shown = releases.map((release) => ({
          ...release,
          state: stateOf(release, document),
        }))
        output.answer(
          { uri: place.uri, version: document.version, releases: shown },
          formatReleases(shown),
        )
        return exitCodes.ok
      },
    ),
  )
}

function stateOf(
  { version, givenUp }: ConfigReleaseInfo,
  { stable, candidate }: ConfigDocument,
): string {
  if (version === stable.version) return 'stable'
  if (version === candidate?.release.version) return `candidate ${candidate.percentage} %`
  return givenUp === true ? 'given up' : ''
}

type ShownRelease = ConfigReleaseInfo & { readonly state: string }

function formatReleases(releases: readonly ShownRelease[]): string[] {
  const rows = releases.map((release) => [
    String(release.version),
    new Date(release.atMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    visibleText(release.author),
    `${formatNumber(release.bytes)} B`,
    release.sha256.slice(0, 8),
    release.state,
    visibleText(
      [
        ...(release.rolledBackTo === undefined ? [] : [`rollback to ${release.rolledBackTo}`]),
        ...(release.description === undefined ? [] : [release.description]),
      ].join(': '),
    ),
  ])
  const head = ['version', 'published', 'author', 'size', 'sha256', 'state', 'description']
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
