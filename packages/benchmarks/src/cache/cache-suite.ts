import { allLibraries } from '../libraries/all-libraries.ts'
import { formatValue, libraryTable, scenarioTable } from '../markdown-table.ts'
import { notSupported } from '../result.ts'
import { between } from '../scenario.ts'
import type { Suite } from '../suite.ts'
import { clientAbort } from './client-abort.ts'
import { kvHit, pairsInStart, starts, warmUpReads } from './kv-hit.ts'
import { memoryHit } from './memory-hit.ts'
import { operations } from './operations.ts'
import { settingsTable } from './settings-table.ts'
import { simulatedHour } from './simulated-hour.ts'
import { size } from './size.ts'

/** Trials of a client that leaves. The others' need three seconds each, because their readers hang. */
const abortTrials = { ours: 240, others: 40 }

const hourText = `30 locations with 3 isolates each, 1,000 keys drawn by Zipf's law, the same requests at the same times for
every library, on the simulator's \`adverse\` KV: writes arrive in other locations after up to five minutes, half of them are not
visible to their own location, and a reader may be shown an older value after a newer one. The stated bound is the age up to
which a library promises to serve a value: its fresh time, or fresh and stale time together. "Went back" counts reads
that gave an isolate an older version of a key than it had already been given. The bill is the marginal price of all operations
for a million reads asked for.`

export const cacheSuite: Suite = {
  name: 'cache',
  heading: 'Cache',
  text: `One value of about 450 bytes, fresh for 60 seconds and stale for another 600, and the same loader for all.
[Decision 005](decisions/005-benchmarks.md) says in which setting each library runs and where that setting is documented. What a
library does not have is "${notSupported}"; nothing is emulated.`,
  scenarios: between(allLibraries, [
    settingsTable,
    operations,
    simulatedHour({ name: 'hour', tagged: false }),
    simulatedHour({ name: 'hour-with-tags', tagged: true }),
    clientAbort({ trialsOf: ({ id }) => (id === 'codex' ? abortTrials.ours : abortTrials.others) }),
    memoryHit,
    kvHit,
    size,
  ]),
  shortfalls: [],
  sections: [
    {
      heading: 'What is compared',
      scenario: 'libraries',
      text: 'The versions are pinned in `packages/benchmarks/package.json`. Memory tiers are on, except where a table says otherwise.',
      table: libraryTable,
    },
    {
      heading: 'A client leaves while its request loads',
      scenario: 'client-abort',
      text: `In workerd over HTTP, with the library at module scope. One client asks for a key, whose origin takes 800 ms, and resets
its connection after 300 ms. Two others asked for the key before the reset and three ask after it. The share of them that get the
right value within 3 seconds; as a control, five that ask at once and all stay. Libraries without single flight pass
and pay with origin calls.`,
      table: libraryTable,
    },
    {
      heading: 'Operations',
      scenario: 'operations',
      text: `Exact counts at one location, on a KV that is never behind and refuses a second write to a key within a second. Loads of
the origin (\`o\`), keys read (\`r\`, in how many calls where they differ), writes (\`w\`), deletes (\`d\`), and how many of the two KV
refused. "Value" means that the caller did not wait for a load where the cache had a value.`,
      table: (results) =>
        scenarioTable(results, {
          rowName: (scenario) => scenario.slice('operations: '.length),
          cell: operationsCell,
        }),
    },
    {
      heading: 'A simulated hour at 30 locations',
      scenario: 'hour',
      text: `${hourText} 20 reads a second, and a write every five seconds that changes the origin and is put into the cache.`,
      table: libraryTable,
    },
    {
      heading: 'The same hour with tags',
      scenario: 'hour-with-tags',
      text: `Each key carries one of 20 tags, and once a minute everything with one tag changes at the origin and the tag is expired. How many
reads gave a value from before that, and how long after it the last one did, is up to KV's propagation and to the stale time.`,
      table: libraryTable,
    },
    {
      heading: 'Warm hit in memory',
      scenario: 'memory-hit',
      text: 'In Node, each library in a process of its own together with @unkey/cache, taking turns, with a forced garbage collection before each block. Median of 25 pairs.',
      table: libraryTable,
    },
    {
      heading: 'Hit in KV',
      scenario: 'kv-hit',
      text: `In workerd on its local KV with every memory tier off, taking turns with \`kv.get\` and \`JSON.parse\` of the same value in the same isolate. Each start of workerd lays code and data out anew, which is worth about two hundredths: median of ${starts} starts, of each the median of ${pairsInStart} pairs after ${warmUpReads.toLocaleString('en')} reads to warm up. The \`plain-kv\` row reads with \`type: "json"\`, and shows how far two equal things differ.`,
      table: libraryTable,
    },
    {
      heading: 'Size',
      scenario: 'size',
      text: 'What esbuild makes of one fixed entry ("define and get", in `src/size-entries`), minified and compressed with gzip, with the adapter that KV needs. Node\'s built-in modules are not counted.',
      table: libraryTable,
    },
  ],
}

function operationsCell(metrics: ReadonlyMap<string, number | string>): string {
  const outcome = String(metrics.get('outcome'))
  if (outcome === notSupported) return outcome
  const count = (metric: string): number => Number(metrics.get(metric) ?? 0)
  const parts = [
    ['origin calls', 'o'],
    ['keys read', 'r'],
    ['writes', 'w'],
    ['deletes', 'd'],
  ].flatMap(([metric = '', letter = '']) => {
    if (count(metric) === 0) return []
    const calls = count('read calls')
    const isBulk = metric === 'keys read' && calls !== count(metric)
    return [`${formatValue(count(metric))}${letter}${isBulk ? ` in ${formatValue(calls)}` : ''}`]
  })
  const refused = count('writes refused')
  if (refused > 0) parts.push(`${formatValue(refused)} refused`)
  if (count('unhandled rejections') > 0) parts.push('unhandled rejection')
  const words = { 'value, at once': 'value', 'value, after a load': 'loaded value' }
  const shown = Object.entries(words).find(([name]) => name === outcome)?.[1] ?? outcome
  return `${shown}<br>${parts.join(' ') || 'nothing'}`
}
