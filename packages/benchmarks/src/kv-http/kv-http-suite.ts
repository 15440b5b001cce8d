import { libraryTable, scenarioTable } from '../markdown-table.ts'
import type { Suite } from '../suite.ts'
import { faults } from './faults.ts'
import { roundTrips } from './round-trips.ts'

const text = `KV from outside of Workers, through Cloudflare's REST API: \`createHttpKVNamespace\`, Cloudflare's package
[\`cloudflare\`](https://www.npmjs.com/package/cloudflare) and the driver \`cloudflare-kv-http\` of unstorage, each with its defaults, over
real HTTP to a fake of the API on the same machine (\`packages/fake-kv-api\`), which is written from the API's documentation. unstorage has
no metadata in KV and no bulk write, so it is not asked for them.`

export const kvHttpSuite: Suite = {
  name: 'kv-http',
  heading: 'KV over HTTP',
  text,
  scenarios: [roundTrips, faults],
  shortfalls: [],
  sections: [
    {
      heading: 'Round trips of hostile keys',
      scenario: roundTrips.name,
      text: `200 keys that KV takes (slashes, dots, percent signs, control characters, emoji, names of properties, 512 bytes), each with ten values
(texts with line breaks, U+0000 and a byte order mark, JSON, bytes) and three kinds of metadata (none, an object, a text). A write is wrong
when the store does not hold exactly that, under that key alone; a read is wrong when it does not give what the store holds. "Of them
refused" are wrong writes that failed with an error. Values are read as bytes: as texts with their metadata, ours loses a byte
order mark at their start. "Impossible keys taken" are of the five kinds that KV does not have (empty, \`.\`, \`..\`, a lone surrogate, 513 bytes).`,
      table: libraryTable,
    },
    {
      heading: 'Faults of the API',
      scenario: faults.name,
      text: `Calls, ten at a time, while their requests fail; on a virtual clock, with connections that are really reset. In each cell: the calls that
succeeded, requests for each call, keys that more than one request wrote, and the time until all were done. "Late" are calls that took longer than
a minute, which is ours' deadline here, as the others have none (for the 1,500 writes it is an hour). Who was told to come back in an hour
succeeds within no deadline; ours fails at once. After a 429 ours holds back the calls that have not begun, which takes time where the next ones
would be told the same; and it paces itself to half of the account's requests at once and the rest evenly, where others send what they have until
the API refuses.`,
      table: (results) =>
        scenarioTable(results, {
          rowName: (scenario) => scenario.slice(faults.name.length + 2),
          cell: (metrics) => {
            const [succeeded, perCall, twice, late, seconds] = [...metrics.values()]
            if (succeeded === undefined) return 'no such call'
            const lateCalls = late === 0 ? '' : `, ${String(late)} late`
            const time = Number(seconds).toLocaleString('en-US')
            return `${String(succeeded)} %, ${String(perCall)} requests, ${String(twice)} twice, ${time} s${lateCalls}`
          },
        }),
    },
  ],
}
