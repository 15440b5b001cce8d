import { limiterPrices } from '../limiters/limiter-prices.ts'
import { libraryTable } from '../markdown-table.ts'
import type { Suite } from '../suite.ts'
import { credentialScan } from './credential-scan.ts'
import { firstRequestElsewhere } from './first-request-elsewhere.ts'
import { operations } from './operations.ts'
import { revocationLag } from './revocation-lag.ts'
import { schedules } from './schedules.ts'
import { sessionSize } from './session-size.ts'

const { durableObjects, kv } = limiterPrices

const text = `Simulations on a virtual clock, over five locations of the edge simulator, 10 to 260 ms (round trip) from the one place of the
Durable Objects. \`strict\`, \`bounded\` (60 seconds) and \`edge\` (an hour) are what views of ours ask for; all else is default.
better-auth is the library itself, with an in-memory database and \`createKVStorage\` of better-auth-cloudflare as its secondary storage, also with
its cookie cache of five minutes. Plain KV is a record under the token and a JSON list of each user's tokens. unstorage is the library's driver for KV with
the steps of Astro's sessions, which keep no list. Where a library does not offer a thing it is not done for it.`

export const sessionSuite: Suite = {
  name: 'sessions',
  heading: 'Sessions',
  text,
  scenarios: [
    schedules,
    revocationLag,
    operations,
    firstRequestElsewhere,
    credentialScan,
    sessionSize,
  ],
  shortfalls: [],
  sections: [
    {
      heading: 'Schedules of sessions',
      scenario: schedules.name,
      text: `A thousand random schedules, the same for all: sign-ins of several devices and users, views anywhere, changes that read early and
write late, rotations, and ends of one, of the others and of all sessions, while the way to the authority loses requests and replies, authorities and isolates
restart and KV fails. Each number counts schedules in which it happened at least once. "The end" is when a call that ends a session has returned; where it ends
all sessions of a user it also ends a sign-in whose password was checked before. "For
good" is looked at when all has been quiet for longer than KV and any bound takes. Where its authority cannot be
reached, ours in \`bounded\` and \`edge\` accepts what is up to 15 minutes old, and its answer says so. A request that failed (ours says "unavailable")
refuses nobody. "Broken promises" counts every answer that is not what the result says: accepted beyond the bound it states, accepted
after a final refusal, refused though live. \`pnpm --filter @codex/cloudflare-clients test:fuzz-sessions\` looks for them in more schedules.`,
      table: libraryTable,
    },
    {
      heading: 'How long a revoked session is accepted',
      scenario: revocationLag.name,
      text: `From the return of "sign out everywhere" (of the sign-out where there is none) to the last view that another location accepts. All locations know
the session, and look again each second, later each ten seconds.`,
      table: libraryTable,
    },
    {
      heading: 'Operations of sessions',
      scenario: operations.name,
      text: `For 1,000 page views of signed-in devices, ten each and 20 seconds apart, at one of four isolates in their location; the cost has the
marginal prices of [KV](${kv.source}) and [Durable Objects](${durableObjects.source}). A cold view is the first in a location, of a session that is in
KV; a warm one comes half a minute after it. Forged cookies have a character changed, are cut, or are noise.`,
      table: libraryTable,
    },
    {
      heading: 'The first request elsewhere',
      scenario: firstRequestElsewhere.name,
      text: 'Accepted of the first requests that come to another location within half a second after a sign-in.',
      table: libraryTable,
    },
    {
      heading: 'Secrets in the clear',
      scenario: credentialScan.name,
      text: `Of the tokens (and of ours their secret parts) that 200 schedules issue, those that are in a key or a value of KV, in an error or an event. The cookie of
better-auth also has a signature, which the stored token does not give.`,
      table: libraryTable,
    },
    {
      heading: 'Size of sessions',
      scenario: sessionSize.name,
      text: 'What esbuild makes of one fixed entry that opens sessions and judges a cookie (`src/session-size-entries`), minified and compressed with gzip. better-auth does much more than sessions.',
      table: libraryTable,
    },
  ],
}
