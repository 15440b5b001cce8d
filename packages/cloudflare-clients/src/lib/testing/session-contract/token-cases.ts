import type { ContractBench, ContractCaseDefinition } from './contract-bench.ts'
import { expectThat } from './contract-expectations.ts'

const tokenSamples = 256
/** 128 bits, less what so few samples may fail to show of them. A UUID's 122 are too few. */
const minShownBits = 126

export const tokenCases: readonly ContractCaseDefinition[] = [
  {
    name: 'a new session is accepted, as that of its user',
    needs: [],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const ada = await here.signIn(bench.user('ada'))
      const bob = await here.signIn(bench.user('bob'))
      await here.expectAccepted(ada, 'the session of Ada', bench.user('ada'))
      await here.expectAccepted(bob, 'the session of Bob', bench.user('bob'))
    },
  },
  {
    name: 'a missing, empty or malformed token is refused',
    needs: [],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      await here.signIn(bench.user())
      const unsound: Readonly<Record<string, string | null>> = {
        'no token': null,
        'an empty token': '',
        'a space': ' ',
        'a dot': '.',
        'two dots': '..',
        'a slash': '/',
        'the name of a method': 'constructor',
        'the name of the prototype': '__proto__',
        JSON: '{"userId":"ada"}',
        'text that is not ASCII': 'Zoë😀',
        'half a surrogate pair': '\uD83D',
        'a control character': '\u0000',
        'a token of 600 characters': 'a'.repeat(600),
        'a token of 100,000 characters': 'a'.repeat(100_000),
      }
      for (const [what, token] of Object.entries(unsound)) await here.expectRefused(token, what)
    },
  },
  {
    name: 'a cut, lengthened or changed token is refused',
    needs: [],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const token = await here.signIn(bench.user())
      const { length } = token
      for (const kept of [1, length >> 2, length >> 1, length - 2, length - 1]) {
        const what = `a token cut to ${kept} of ${length} characters`
        await here.expectRefused(token.slice(0, kept), what)
      }
      await here.expectRefused(token.slice(1), 'a token without its first character')
      await here.expectRefused(`${token}A`, 'a token with one more character')
      await here.expectRefused(token + token, 'a token twice')
      await here.expectRefused(token.slice(length >> 1) + token, 'a token after half of itself')
      for (const otherCase of [token.toLowerCase(), token.toUpperCase()]) {
        if (otherCase !== token) await here.expectRefused(otherCase, 'a token in another case')
      }
      for (let index = 0; index < length; index++) {
        const changed = token[index] === 'A' ? 'B' : 'A'
        const forged = token.slice(0, index) + changed + token.slice(index + 1)
        await here.expectRefused(forged, `a token with character ${index + 1} changed`)
      }
      await here.expectAccepted(token, 'the token as it is')
    },
  },
  {
    name: 'tokens are unique and have 128 random bits or more',
    needs: [],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const tokens: string[] = []
      while (tokens.length < tokenSamples) {
        const token = await here.signIn(bench.user())
        tokens.push(token)
        await here.destroy(token)
        // KV takes one write per key and second, for implementations with one key per user.
        await bench.pass(1001)
      }
      const different = new Set(tokens).size
      expectThat(different === tokenSamples, `${tokenSamples} different tokens`, () =>
        String(different),
      )
      const bits = Math.round(countShownBits(tokens))
      expectThat(bits >= minShownBits, 'tokens with 128 random bits or more', () => `about ${bits}`)
    },
  },
  {
    name: 'no token is stored, and nothing that is stored is accepted as one',
    needs: ['dump'],
    async run(bench: ContractBench): Promise<void> {
      const here = await bench.open()
      const token = await here.signIn(bench.user(), { data: { name: 'Ada' } })
      await bench.settle()
      await here.expectAccepted(token, 'a new session')
      await bench.settle()
      const stored = await bench.tool('dump')()
      expectThat(stored.length > 0, 'a dump with what is stored of a session', () => 'an empty one')
      const there = await bench.open(1)
      for (const { key, value } of stored) {
        expectThat(!key.includes(token), 'no token in a stored key', () => 'one')
        expectThat(!value.includes(token), 'no token in a stored value', () => 'one')
        const parts = [key, ...key.split(/[:/]/), value, ...textsOf(value)]
        for (const part of new Set(parts)) await there.expectRefused(part, 'a stored text')
      }
    },
  },
]

/** What the characters at each position vary by: as much as a token can have, and not how well it was drawn. */
function countShownBits(tokens: readonly string[]): number {
  const longest = Math.max(...tokens.map(({ length }) => length))
  let bits = 0
  for (let index = 0; index < longest; index++) {
    bits += Math.log2(new Set(tokens.map((token) => token[index])).size)
  }
  return bits
}

/** The longer texts in JSON, such as hashes. */
function textsOf(value: string): string[] {
  return [...value.matchAll(/"([^"]{16,})"/g)].map(([, text = '']) => text)
}
