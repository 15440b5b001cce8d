import { libraryTable, scenarioTable } from '../markdown-table.ts'
import type { Suite } from '../suite.ts'
import { bucketing, bucketingCell } from './bucketing.ts'
import { concurrentEdits } from './concurrent-edits.ts'
import { evaluation, evaluationCell } from './evaluation.ts'
import { faultCell, faults } from './faults.ts'
import { flagSize } from './flag-size.ts'
import { killSwitch } from './kill-switch.ts'
import { operations } from './operations.ts'

const text = `Ours with its defaults, on the edge simulator and a virtual clock, with its authority in one place, 10 to 280 ms (round trip)
from the locations. \`edge\` asks KV alone; in \`strict\` one flag of twenty is confirmed with the authority within so many seconds.
@launchdarkly/cloudflare-server-sdk 2.2.3 is the library itself, on the value that LaunchDarkly's integration writes; "in memory" is its store with
what the \`cache\` option of 2.7 does, which that version does not have. GrowthBook is @growthbook/growthbook 1.8.0 in the two ways of its documentation
for Workers, with the helpers of @growthbook/edge-cloudflare: a payload that a webhook stores in KV, and KV as the cache of what it fetches from its API.
"A key per flag" is a JSON value for each flag, read when it is asked for. All of them run in Node and hold the same twenty flags, and their answers are
compared with what the flags say before anything is counted.`

const nameIn =
  (scenario: string) =>
  (name: string): string =>
    name.slice(`${scenario}: `.length)

export const flagSuite: Suite = {
  name: 'flags',
  heading: 'Feature flags',
  text,
  scenarios: [operations, bucketing, evaluation, faults, killSwitch, concurrentEdits, flagSize],
  shortfalls: ['size'],
  sections: [
    {
      heading: 'Operations of flags',
      scenario: operations.name,
      text: `For twenty flags: in the first request of an isolate, in its next one a second later, and in an hour of one request a second at one
isolate. LaunchDarkly and the key per flag read for each flag; \`allFlagsState\` ("all flags at once") reads once.`,
      table: libraryTable,
    },
    {
      heading: 'Who is in',
      scenario: bucketing.name,
      text: `Ids are numbers in a row, UUIDs, mail addresses and names in other scripts, the same in every run, so that every figure is the same in every run
too. Evenness and independence are chi-square tests over 1,000,000 ids and 20 flags: the smallest p of so many tests, and after the colon how
likely chance alone gives one as small. Renames and new algorithms are those of a flag at 50 %; flagd and GrowthBook know no rename, theirs is the same flag
under another name. GrowthBook's new algorithm is version 2 of its hash.`,
      table: (results) =>
        scenarioTable(results, { rowName: nameIn(bucketing.name), cell: bucketingCell }),
    },
    {
      heading: 'An evaluation',
      scenario: evaluation.name,
      text: `The time of ours as a multiple of another one's: below 1, ours is faster. Each pair in a Node process of its own, bundled for production, by the calls that give
an answer with its reason, for 256 users in turn whose answers were compared before; medians of 41 pairs with a forced garbage collection before
each block. flagd-core compiles its rules to code, which Workers do not allow; without that is what runs there. GrowthBook has no time windows
in its format: its caller hands in the time. Percentages are hashed with SHA-256 (ours), murmur3 (flagd) and FNV (GrowthBook).`,
      table: (results) =>
        scenarioTable(results, { rowName: nameIn(evaluation.name), cell: evaluationCell }),
    },
    {
      heading: 'When something fails',
      scenario: faults.name,
      text: `What is answered for a flag that is on, by a caller with a default of its own ("default"), in the first request while something is wrong: the answer, of ours
its reason or error, operations, and the wait where it is a second or more. Ten minutes later is when what an isolate holds is too old. "Threw" is an exception in the
caller's code.`,
      table: (results) => scenarioTable(results, { rowName: nameIn(faults.name), cell: faultCell }),
    },
    {
      heading: 'A kill switch',
      scenario: killSwitch.name,
      text: `From the return of the call that throws the switch to the last request, in each of 30 locations with a request a second, that is answered as if it
had not been: median and longest over all locations and five runs, while other flags are edited every 17 seconds. Ours in \`edge\` adds 90 seconds to
what KV takes, which is not promised: 3 minutes at most in the simulator's \`typical\`, 5 in \`adverse\`. An isolate that "went back" answered as before after
it had answered otherwise, or from an older version.`,
      table: libraryTable,
    },
    {
      heading: 'Editors at the same time',
      scenario: concurrentEdits.name,
      text: `A hundred editors in five locations each add a user to the list of one flag, all at once and at random times in five minutes. "Lost" are edits that were
reported as done and are not there; "refused" are those whose editors were told.`,
      table: libraryTable,
    },
    {
      heading: 'Size of flags',
      scenario: flagSize.name,
      text: 'What esbuild makes of one fixed entry that reads flags from KV and evaluates one (`src/flag-size-entries`), minified and compressed with gzip.',
      table: libraryTable,
    },
  ],
}
