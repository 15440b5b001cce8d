import type { BenchIsolate, ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { expectEqual, fail } from './contract-expectations.ts'
import { first } from './ending-cases.ts'

export const rotationCases: readonly ContractCaseDefinition[] = [
  {
    name: 'a rotated session keeps its user, id and data under a new token',
    needs: ['data', 'rotate'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const here = first(isolates)
      const token = await here.signIn(bench.user(), { data: { cart: ['book'] } })
      await bench.passSignIn()
      await bench.pass(1001)
      const before = await here.expectAccepted(token, 'the session')
      const rotated = await rotate(here, token)
      const after = await here.expectAccepted(rotated, 'the new token', bench.user())
      expectEqual('the data', after.data, { cart: ['book'] })
      if (before.id !== undefined && before.id !== after.id) fail('the same id', 'another')
      await bench.passSignIn()
      if (bench.guarantees.signInBoundMs === undefined) return
      for (const isolate of isolates) {
        const session = await isolate.expectAccepted(rotated, 'the new token')
        expectEqual(`the data in ${isolate.location}`, session.data, { cart: ['book'] })
      }
    },
  },
  {
    name: 'the older token is refused everywhere after its grace',
    needs: ['rotate', 'graceMs', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const here = first(isolates)
      const token = await here.signIn(bench.user())
      await bench.passSignIn()
      await bench.pass(1001)
      for (const isolate of isolates) await isolate.expectAccepted(token, 'the session')
      const rotated = await rotate(here, token)
      const graceMs = bench.bound('graceMs')
      const { precisionMs = 1 } = bench.guarantees
      if (graceMs > precisionMs) {
        await bench.pass(graceMs - precisionMs)
        await here.expectAccepted(token, `the older token within its grace of ${graceMs} ms`)
        await bench.pass(precisionMs)
      }
      await bench.passSignIn()
      await bench.passBound('revocationBoundMs')
      for (const isolate of isolates) await isolate.expectAccepted(rotated, 'the new token')
      await bench.settle()
      for (const isolate of [...isolates, await bench.open(), await bench.open(1)]) {
        await isolate.expectRefused(token, 'the older token after its grace')
      }
    },
  },
  {
    name: 'a rotated session ends under every token it has',
    needs: ['rotate', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const here = first(isolates)
      const token = await here.signIn(bench.user())
      await bench.passSignIn()
      await bench.pass(1001)
      const rotated = await rotate(here, token)
      await bench.passSignIn()
      await bench.pass(1001)
      await here.destroy(rotated)
      await bench.passBound('revocationBoundMs')
      for (const isolate of [...isolates, await bench.open(1)]) {
        await isolate.expectRefused(rotated, 'the new token of a session that has ended')
        await isolate.expectRefused(token, 'the older token of a session that has ended')
      }
    },
  },
]

async function rotate(isolate: BenchIsolate, token: string): Promise<string> {
  const rotated = await isolate.rotate(token)
  if (rotated === null) fail('rotate to find the session', 'null')
  if (rotated === token) fail('a new token', 'the older one')
  return rotated
}
