import type { BenchIsolate, ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { describeError, expectThat, fail } from './contract-expectations.ts'

export const expiryCases: readonly ContractCaseDefinition[] = [
  {
    name: 'a session that is not used ends at its idle timeout',
    needs: ['idleTimeoutMs'],
    async run(bench: ContractBench): Promise<void> {
      await expectEndAt(bench, bench.bound('idleTimeoutMs'))
    },
  },
  {
    name: 'a session that is used lives on past its idle timeout, in every location',
    needs: ['idleTimeoutMs', 'signInBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const token = await here.signIn(bench.user())
      const halfMs = Math.ceil(bench.bound('idleTimeoutMs') / 2)
      for (let uses = 0; uses < 2; uses++) {
        await bench.pass(halfMs)
        await here.expectAccepted(token, 'a session that is used')
      }
      await bench.pass(Math.max(1001, bench.bound('signInBoundMs')))
      await there.expectAccepted(token, 'a session that is used elsewhere')
      await (await bench.open(1)).expectAccepted(token, 'a session that is used elsewhere')
    },
  },
  {
    name: 'a refresh prolongs the idle timeout to the full',
    needs: ['idleTimeoutMs', 'refresh'],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const token = await here.signIn(bench.user())
      const idleMs = bench.bound('idleTimeoutMs')
      const { precisionMs = 1 } = bench.guarantees
      await bench.pass(Math.floor(idleMs / 20))
      expectThat(await here.refresh(token), 'refresh to find the session', () => 'that it does not')
      await bench.pass(idleMs - precisionMs)
      await here.expectAccepted(token, 'a session just before the idle timeout after its refresh')
    },
  },
  {
    name: 'a session ends at its absolute timeout, however much it is used',
    needs: ['absoluteTimeoutMs'],
    async run(bench: ContractBench): Promise<void> {
      const absoluteMs = bench.bound('absoluteTimeoutMs')
      await expectEndAt(bench, absoluteMs, (bench.guarantees.idleTimeoutMs ?? absoluteMs) / 2)
    },
  },
  {
    name: 'a refresh does not prolong the absolute timeout',
    needs: ['absoluteTimeoutMs', 'refresh'],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const token = await here.signIn(bench.user())
      const absoluteMs = bench.bound('absoluteTimeoutMs')
      const endMs = bench.world.now() + absoluteMs
      const stepMs = Math.floor((bench.guarantees.idleTimeoutMs ?? absoluteMs) / 2)
      while (bench.world.now() + stepMs < endMs) {
        await bench.pass(stepMs)
        await here.refresh(token)
      }
      await bench.passUntil(endMs)
      for (const isolate of [here, await bench.open(1)]) {
        await isolate.expectRefused(token, 'a refreshed session at its absolute timeout')
      }
    },
  },
  {
    name: 'a session works in its last minute, shorter than KV keeps anything, and ends on time',
    needs: ['absoluteTimeoutMs', 'data'],
    async run(bench: ContractBench): Promise<void> {
      const absoluteMs = bench.bound('absoluteTimeoutMs')
      const stepMs = (bench.guarantees.idleTimeoutMs ?? absoluteMs) / 2
      const here = await bench.open()
      const { precisionMs = 1, graceMs, updateBoundMs } = bench.guarantees
      const beganMs = bench.world.now()
      const token = await here.signIn(bench.user(), { data: { step: 1 } })
      const endMs = bench.world.now() + absoluteMs
      await use(bench, { here, tokens: [token], untilMs: endMs - 30_000, stepMs })
      await inLastMinute('validate', () => here.expectAccepted(token, 'the session'))
      if (updateBoundMs !== undefined) {
        await inLastMinute('update', () => here.update(token, { step: 2 }))
      }
      await bench.pass(2000)
      const newest =
        graceMs === undefined ? token : await inLastMinute('rotate', () => here.rotate(token))
      if (newest === null) fail('rotate to find the session in its last minute', 'null')
      await bench.passUntil(beganMs + absoluteMs - precisionMs)
      await here.expectAccepted(newest, 'a session just before its absolute timeout')
      await bench.passUntil(endMs)
      for (const one of [here, await bench.open(), await bench.open(1)]) {
        await one.expectRefused(newest, 'a session at its absolute timeout')
        await one.expectRefused(token, 'a session at its absolute timeout')
      }
    },
  },
  {
    name: 'a session that is used writes at most once in each fraction of its idle timeout',
    needs: ['idleTimeoutMs', 'renewalFraction', 'countWrites'],
    async run(bench: ContractBench): Promise<void> {
      const fractionMs = bench.bound('idleTimeoutMs') * bench.bound('renewalFraction')
      const here = await bench.open()
      const token = await here.signIn(bench.user())
      await bench.pass(1001)
      const count = bench.tool('countWrites')
      const [before, fractions, uses] = [count(), 4, 10]
      for (let use = 1; use <= fractions * uses; use++) {
        await bench.pass(Math.floor(fractionMs / uses))
        await here.expectAccepted(token, 'a session that is used')
      }
      await bench.settle()
      const writes = count() - before
      const wanted = `at most ${fractions} writes in ${fractions * uses} uses of a session`
      expectThat(writes <= fractions, wanted, () => String(writes))
    },
  },
]

/** Of sessions made at once, one is judged just before, one at and one after the timeout: to judge may prolong it. */
async function expectEndAt(
  bench: ContractBench,
  timeoutMs: number,
  stepMs = timeoutMs,
): Promise<void> {
  const { precisionMs = 1 } = bench.guarantees
  const here = await bench.open()
  const beganMs = bench.world.now()
  const tokens = await Promise.all(['before', 'at', 'after'].map(() => here.signIn(bench.user())))
  const endMs = bench.world.now() + timeoutMs
  const [before = '', at = '', after = ''] = tokens
  await use(bench, { here, tokens, untilMs: beganMs + timeoutMs - precisionMs, stepMs })
  await here.expectAccepted(before, `a session ${precisionMs} ms before its timeout`)
  await bench.passUntil(endMs)
  const isolates = [here, await bench.open(), await bench.open(1)]
  for (const isolate of isolates) {
    await isolate.expectRefused(at, 'a session at its timeout')
    // What was used just before it has its idle timeout prolonged, and not the absolute one.
    if (stepMs < timeoutMs) await isolate.expectRefused(before, 'a session at its timeout')
  }
  await bench.pass(1)
  for (const isolate of isolates) await isolate.expectRefused(after, 'a session after its timeout')
  await bench.pass(120_000)
  for (const isolate of isolates) await isolate.expectRefused(after, 'a session after its timeout')
}

interface Uses {
  readonly here: BenchIsolate
  readonly tokens: readonly string[]
  readonly untilMs: number
  readonly stepMs: number
}

/** Lets time pass, and uses sessions meanwhile. */
async function use(bench: ContractBench, { here, tokens, untilMs, stepMs }: Uses): Promise<void> {
  const step = Math.floor(stepMs)
  while (bench.world.now() + step < untilMs) {
    await bench.pass(step)
    for (const token of tokens) await here.expectAccepted(token, 'a session that is used')
  }
  await bench.passUntil(untilMs)
}

async function inLastMinute<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    return fail(`${what} to work in a session’s last minute`, describeError(error))
  }
}
