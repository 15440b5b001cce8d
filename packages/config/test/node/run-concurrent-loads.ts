import { runConcurrentLoads, type ConcurrentLoadsReport } from './concurrent-loads.ts'

// What must be true is in concurrent-loads.test.ts. This says how long it takes here.
const runs = 15
const loads = 100

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

for (const isShared of [true, false]) {
  const reports: ConcurrentLoadsReport[] = []
  for (let run = 0; run < runs; run++) {
    reports.push(await runConcurrentLoads({ loads, isShared }))
  }
  const times = reports.map(({ elapsedMs }) => elapsedMs).sort((a, b) => a - b)
  const [last] = reports.slice(-1)
  if (last === undefined || reports.some(({ succeeded }) => succeeded !== loads)) {
    throw new Error('Some loads failed')
  }
  console.log(
    JSON.stringify({
      loads,
      program: isShared ? 'one resolver' : 'a resolver for each load',
      succeeded: last.succeeded,
      serverRequests: last.serverRequests,
      apiRequests: sum(last.apiRequests),
      medianMs: Math.round(times[Math.floor(runs / 2)] ?? 0),
      slowestMs: Math.round(times.at(-1) ?? 0),
    }),
  )
}
