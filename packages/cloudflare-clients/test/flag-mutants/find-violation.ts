import { runFlagFuzz } from '../flag-fuzz/flag-fuzz.ts'

/** Prints the first violation, or nothing. */
const [, , runs] = process.argv
const { violations } = await runFlagFuzz({ firstSeed: 1, runs: Number(runs), maxViolations: 1 })
console.log(violations[0]?.slice(0, 160) ?? '')
