import type { BenchIsolate, ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { expectThat } from './contract-expectations.ts'
import { first } from './ending-cases.ts'

export const worldCases: readonly ContractCaseDefinition[] = [
  {
    name: 'a new session is accepted everywhere within the bound of its sign-in',
    needs: ['signInBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      for (const here of isolates) {
        const token = await here.signIn(bench.user())
        // Not after background work: the first request from elsewhere does not wait for that.
        const boundMs = bench.bound('signInBoundMs')
        if (boundMs > 0) await bench.pass(boundMs)
        for (const isolate of isolates) {
          const what = `a session from ${here.location} on its first request`
          await isolate.expectAccepted(token, what, bench.user())
        }
      }
    },
  },
  {
    name: 'a store that fails signs nobody out',
    needs: ['failStores'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const here = first(isolates)
      const token = await here.signIn(bench.user())
      await bench.passSignIn()
      await here.expectAccepted(token, 'the session')
      // Longer than memory may be good for.
      await bench.pass(bench.guarantees.revocationBoundMs ?? 1001)
      const cold = await bench.open(1)
      const end = bench.tool('failStores')()
      try {
        for (const isolate of [here, cold]) await expectNoRefusal(isolate, token)
        await bench.pass(1001)
        for (const isolate of [here, cold]) await expectNoRefusal(isolate, token)
      } finally {
        end()
      }
      // Longer than a failed store is spared, and than a failed read may be held.
      await bench.pass(120_000)
      for (const isolate of [here, cold]) {
        await isolate.expectAccepted(token, 'a session after its store came back')
      }
    },
  },
  {
    name: 'a sign-out that no store takes is not said to be done',
    needs: ['failStores', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const token = await here.signIn(bench.user())
      await bench.passSignIn()
      await bench.pass(1001)
      const end = bench.tool('failStores')()
      const isDone = await here.destroy(token).then(
        () => true,
        () => false,
      )
      end()
      if (!isDone) return
      await bench.passBound('revocationBoundMs')
      await there.expectRefused(token, 'a session whose sign-out was said to be done')
    },
  },
  {
    name: 'a clock that goes back by a second changes nothing',
    needs: ['turnBack'],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const [token, ended] = [await here.signIn(bench.user()), await here.signIn(bench.user())]
      await bench.pass(1001)
      await here.destroy(ended)
      const fresh = await here.signIn(bench.user())
      bench.tool('turnBack')(1000)
      await here.expectAccepted(token, 'a session after the clock went back')
      await here.expectAccepted(fresh, 'a new session after the clock went back')
      await here.expectRefused(ended, 'an ended session after the clock went back')
      const later = await here.signIn(bench.user())
      expectThat(
        ![token, ended, fresh].includes(later),
        'a new token after the clock went back',
        () => 'an older one',
      )
      await here.expectAccepted(later, 'a session that was made after the clock went back')
      await bench.pass(2000)
      await here.expectAccepted(later, 'a session that was made after the clock went back')
      await here.expectRefused(ended, 'an ended session after the clock went back')
    },
  },
]

/** It may be accepted, from memory, or nobody knows. */
async function expectNoRefusal(isolate: BenchIsolate, token: string): Promise<void> {
  const isRefused = await isolate.validate(token).then(
    (session) => session === null,
    () => false,
  )
  const wanted = `a session or a rejection in ${isolate.location} while stores fail`
  expectThat(!isRefused, wanted, () => 'a refusal')
}
