import type { BenchIsolate, ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { expectThat, fail } from './contract-expectations.ts'

const many = 24
/** Longer than KV caches, and than stores repeat what they could not write at first. */
const laterMs = [0, 1000, 61_000, 600_000]

export const endingCases: readonly ContractCaseDefinition[] = [
  {
    name: 'a session that was signed out is refused at once where it was signed out',
    needs: [],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const token = await here.signIn(bench.user())
      await here.expectAccepted(token, 'a new session')
      await bench.pass(1001)
      await here.destroy(token)
      await here.expectRefused(token, 'a session that was signed out')
    },
  },
  {
    name: 'a session that was signed out is refused everywhere within the bound, and never comes back',
    needs: ['revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const here = first(isolates)
      const token = await here.signIn(bench.user())
      await bench.passSignIn()
      for (const isolate of isolates) await isolate.expectAccepted(token, 'the session')
      await bench.pass(1001)
      // Those that know it best are asked again just before it ends.
      for (const isolate of isolates) await isolate.expectAccepted(token, 'the session')
      await here.destroy(token)
      await bench.passBound('revocationBoundMs')
      for (const ms of laterMs) {
        await bench.pass(ms)
        const all = [...isolates, ...(await bench.openEverywhere())]
        for (const isolate of all) await isolate.expectRefused(token, 'a session that has ended')
      }
    },
  },
  {
    name: 'a slower request does not bring back what was signed out',
    needs: ['revocationBoundMs', 'update', 'lateWrites', 'holdWrites'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const token = await here.signIn(bench.user(), { data: { step: 1 } })
      await bench.passSignIn()
      await bench.pass(1001)
      await there.expectAccepted(token, 'the session')
      const held = bench.tool('holdWrites')(there.location)
      const slow = there.begin((isolate) => isolate.update?.(token, { step: 2 }))
      await bench.run(() => Promise.race([slow, held.reached]))
      await here.destroy(token)
      await bench.world.advance(2000)
      held.release()
      await bench.run(() => slow)
      await bench.pass(2000)
      await bench.passBound('revocationBoundMs')
      for (const ms of laterMs) {
        await bench.pass(ms)
        for (const isolate of [here, there, ...(await bench.openEverywhere())]) {
          await isolate.expectRefused(token, 'a session that a slower request has stored again')
        }
      }
    },
  },
  {
    name: 'signing out twice, and without a session, does nothing',
    needs: ['revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const [token, other] = [await here.signIn(bench.user()), await here.signIn(bench.user())]
      await bench.passSignIn()
      await bench.pass(1001)
      await here.destroy(token)
      await here.destroy(token)
      await bench.pass(1001)
      await there.destroy(token)
      await here.destroy('there-never-was-such-a-session')
      await bench.passBound('revocationBoundMs')
      for (const isolate of [here, there]) {
        await isolate.expectRefused(token, 'a session that was signed out twice')
        await isolate.expectAccepted(other, 'another session of the user')
      }
    },
  },
  {
    name: 'all sessions of a user end, also those made at the same time, and nobody else’s',
    needs: ['destroyAll', 'listBoundMs', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const tokens = await signInMany(bench, isolates)
      const bobs = await first(isolates).signIn(bench.user('bob'))
      await bench.passSignIn()
      await bench.passBound('listBoundMs')
      const [, there = first(isolates)] = isolates
      await there.destroyAll(bench.user())
      await bench.passBound('revocationBoundMs')
      for (const isolate of [...isolates, await bench.open()]) {
        for (const [index, token] of tokens.entries()) {
          await isolate.expectRefused(token, `session ${index + 1} of ${many} that were ended`)
        }
        await isolate.expectAccepted(bobs, 'the session of another user')
      }
      const again = await there.signIn(bench.user())
      await there.expectAccepted(again, 'a session that was made after all were ended')
    },
  },
  {
    name: 'all sessions of a user but one end',
    needs: ['destroyOthers', 'listBoundMs', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const [kept = '', ...tokens] = await signInMany(bench, isolates)
      await bench.passSignIn()
      await bench.passBound('listBoundMs')
      await first(isolates).destroyOthers(bench.user(), kept)
      await bench.passBound('revocationBoundMs')
      for (const isolate of [...isolates, await bench.open(1)]) {
        await isolate.expectAccepted(kept, 'the session that was to be kept')
        for (const token of tokens) await isolate.expectRefused(token, 'a session that was ended')
      }
    },
  },
  {
    name: 'a sign-in that began before all sessions were ended makes none',
    needs: ['destroyAll', 'checkCredentials', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const begun = Promise.withResolvers<undefined>()
      const checked = Promise.withResolvers<undefined>()
      const checkCredentials = (): Promise<undefined> => {
        begun.resolve(undefined)
        return checked.promise
      }
      const pending = here.begin((isolate) => isolate.signIn(bench.user(), { checkCredentials }))
      const early = await bench.run(() => Promise.race([begun.promise, pending]))
      if (early !== undefined) fail('signIn to await checkCredentials', 'its end without that')
      await bench.world.advance(1)
      await there.destroyAll(bench.user())
      checked.resolve(undefined)
      const token = await bench.run(() => pending)
      if (token === null) return
      await bench.passBound('revocationBoundMs')
      await here.expectRefused(token, 'the session of a sign-in that all sessions were ended in')
    },
  },
  {
    name: 'a sign-in ends the session that it replaces, under a new token',
    needs: ['replaces', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const before = await here.signIn(bench.user())
      await bench.passSignIn()
      await bench.pass(1001)
      const after = await here.signIn(bench.user(), { replaces: before })
      expectThat(after !== before, 'a new token', () => 'the one that was replaced')
      await bench.passSignIn()
      await bench.passBound('revocationBoundMs')
      for (const isolate of [here, there]) {
        await isolate.expectRefused(before, 'a session that was replaced')
        await isolate.expectAccepted(after, 'the session in its place')
      }
    },
  },
]

export function first(isolates: readonly BenchIsolate[]): BenchIsolate {
  const [isolate] = isolates
  if (isolate === undefined) fail('a world with two locations or more', 'none')
  return isolate
}

/** Sign-ins of one user, all at once, in all locations. */
export function signInMany(
  bench: ContractBench,
  isolates: readonly BenchIsolate[],
): Promise<string[]> {
  const isolateOf = (index: number): BenchIsolate => isolates[index % isolates.length] ?? first([])
  return Promise.all(
    Array.from({ length: many }, (_, index) => isolateOf(index).signIn(bench.user())),
  )
}
