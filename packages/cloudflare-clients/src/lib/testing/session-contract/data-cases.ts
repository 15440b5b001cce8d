import type { ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { expectEqual, expectThat } from './contract-expectations.ts'

const data = {
  text: 'Zoë 日本 😀 "quoted" \\ \n',
  empty: '',
  zero: 0,
  fraction: 0.1,
  no: false,
  nothing: null,
  list: [1, [2, { three: 3 }], []],
  nested: { deeper: { deepest: {} } },
  'a key: with/odd characters': true,
}

export const dataCases: readonly ContractCaseDefinition[] = [
  {
    name: 'data comes back as it was',
    needs: ['data'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const token = await here.signIn(bench.user(), { data })
      expectEqual('the data', (await here.expectAccepted(token, 'a new session')).data, data)
      await bench.passSignIn()
      expectEqual('the data', (await there.expectAccepted(token, 'the session')).data, data)
    },
  },
  {
    name: 'sessions have their own data',
    needs: ['data'],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const first = await here.signIn(bench.user(), { data: { name: 'first' } })
      const second = await here.signIn(bench.user(), { data: { name: 'second' } })
      for (const [token, name] of [
        [first, 'first'],
        [second, 'second'],
      ] as const) {
        const session = await here.expectAccepted(token, `the ${name} session`)
        expectEqual(`the data of the ${name} session`, session.data, { name })
      }
    },
  },
  {
    name: 'data is nobody else’s object',
    needs: ['data'],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const given = { list: ['before'] }
      const token = await here.signIn(bench.user(), { data: given })
      given.list.push('after')
      const got = await here.expectAccepted(token, 'a new session')
      expectEqual('the data after its giver changed it', got.data, { list: ['before'] })
      try {
        ;(got.data as typeof given).list.push('after')
      } catch {
        // Frozen: as good as a copy.
      }
      const again = await here.expectAccepted(token, 'the session')
      expectEqual('the data after its reader changed it', again.data, { list: ['before'] })
    },
  },
  {
    name: 'a change is seen at once where it was made, and elsewhere within its bound',
    needs: ['data', 'update', 'updateBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, ...others] = await bench.openEverywhere()
      if (here === undefined) return
      const token = await here.signIn(bench.user(), { data: { step: 1 } })
      await bench.passSignIn()
      for (const other of others) await other.expectAccepted(token, 'the session')
      const isThere = await here.update(token, { step: 2 })
      expectThat(isThere, 'update to find the session', () => 'that it does not')
      const own = await here.expectAccepted(token, 'the changed session')
      expectEqual('the data where it was changed', own.data, { step: 2 })
      await bench.passBound('updateBoundMs')
      for (const other of [...others, await bench.open(1)]) {
        const session = await other.expectAccepted(token, 'the changed session')
        expectEqual(`the data in ${other.location}`, session.data, { step: 2 })
      }
    },
  },
  {
    name: 'what is not there is not changed, refreshed or rotated, and does not come to be',
    needs: ['data', 'update', 'refresh', 'rotate', 'revocationBoundMs'],
    async run(bench: ContractBench): Promise<void> {
      const [here, there] = [await bench.open(), await bench.open(1)]
      const token = await here.signIn(bench.user())
      await bench.passSignIn()
      await there.expectAccepted(token, 'the session')
      await bench.pass(1001)
      await here.destroy(token)
      await bench.passBound('revocationBoundMs')
      for (const isolate of [here, there]) {
        const wanted = `of an ended session in ${isolate.location}`
        expectEqual(`the update ${wanted}`, await isolate.update(token, { step: 2 }), false)
        expectEqual(`the refresh ${wanted}`, await isolate.refresh(token), false)
        const rotated = await isolate.rotate(token)
        expectThat(rotated === null, `the rotation ${wanted} to be null`, () => 'a token')
      }
      await bench.pass(1001)
      for (const isolate of await bench.openEverywhere()) {
        await isolate.expectRefused(token, 'an ended session')
      }
    },
  },
]
