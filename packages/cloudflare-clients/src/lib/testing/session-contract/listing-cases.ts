import type { BenchIsolate, ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { expectEqual, expectThat, fail } from './contract-expectations.ts'
import { first, signInMany } from './ending-cases.ts'

export const listingCases: readonly ContractCaseDefinition[] = [
  {
    name: 'the list has every session of the user, also those made at the same time, and no other',
    needs: ['list', 'listBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const tokens = await signInMany(bench, isolates)
      await first(isolates).signIn(bench.user('bob'))
      await bench.passSignIn()
      await bench.passBound('listBoundMs')
      const ids = await idsOf(bench, first(isolates), tokens)
      for (const isolate of isolates) await expectListed(bench, isolate, ids)
      const listed = await first(isolates).list(bench.user())
      const isSecret = listed.every((id) => !tokens.some((token) => token === id))
      expectThat(isSecret, 'no token in the list', () => 'one')
    },
  },
  {
    name: 'the list has none of the sessions that were ended, also at the same time',
    needs: ['list', 'listBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const isolates = await bench.openEverywhere()
      const tokens = await signInMany(bench, isolates)
      await bench.passSignIn()
      await bench.pass(1001)
      const [ended, kept] = [tokens.slice(0, 10), tokens.slice(10)]
      const ids = await idsOf(bench, first(isolates), kept)
      const isolateOf = (index: number): BenchIsolate =>
        isolates[index % isolates.length] ?? first([])
      await Promise.all(ended.map((token, index) => isolateOf(index).destroy(token)))
      await bench.passBound('listBoundMs')
      for (const isolate of isolates) await expectListed(bench, isolate, ids)
    },
  },
  {
    name: 'the list of a user without sessions is empty',
    needs: ['list'],
    async run(bench: ContractBench): Promise<void> {
      expectEqual('the list', await (await bench.open()).list(bench.user()), [])
    },
  },
]

async function idsOf(
  bench: ContractBench,
  isolate: BenchIsolate,
  tokens: readonly string[],
): Promise<string[]> {
  const ids: string[] = []
  for (const [index, token] of tokens.entries()) {
    const { id } = await isolate.expectAccepted(token, `session ${index + 1}`, bench.user())
    if (id === undefined) fail('validate to give an id, for the list', 'none')
    ids.push(id)
  }
  return ids
}

async function expectListed(
  bench: ContractBench,
  isolate: BenchIsolate,
  ids: readonly string[],
): Promise<void> {
  const listed = await isolate.list(bench.user())
  const wanted = `a list of the ${ids.length} sessions in ${isolate.location}`
  const isExact = listed.length === ids.length && ids.every((id) => listed.includes(id))
  const found = ids.filter((id) => listed.includes(id)).length
  expectThat(isExact, wanted, () => `${listed.length} entries with ${found} of them`)
}
