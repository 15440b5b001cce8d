import { runSessionFuzz } from '../session-fuzz/session-fuzz.ts'

/** Prints the first violation, or nothing. */
const [, , runs] = process.argv
const { violations } = await runSessionFuzz({ firstSeed: 1, runs: Number(runs), maxViolations: 1 })
const [first = ''] = violations
console.log(first.split('\n').slice(0, 2).join(''))
