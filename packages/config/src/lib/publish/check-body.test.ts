import { expect, test } from 'vitest'
import { checkBody } from './check-body.ts'

// What no reader could read, whatever its providers are.
test.for([
  ['${HOME}/data', 'A reference such as ${env:PORT} was wanted: write $${ for a literal ${'],
  ['a ${env:X', 'A reference is not closed with }'],
])('refuses the value %s, and says where it is', async ([value, reason]) => {
  const body = { uri: '"web"', text: `port: 1\nlist:\n  - ok\n  - '${value}'\n`, syntax: 'yaml' }
  await expect(checkBody({ ...body, syntax: 'yaml' }, undefined)).rejects.toMatchObject({
    code: 'invalid',
    message: `Cannot publish "web": list[1]: ${reason} (line 4)`,
    faults: [{ path: 'list[1]', reason }],
  })
})

test('takes references that a reader may have, and literal ones', async () => {
  const text = 'a: ${env:X:-${file:y}}\nb: $${HOME}\nc: costs 5 $\n'
  await expect(checkBody({ uri: '"web"', text, syntax: 'yaml' }, undefined)).resolves.toBe(
    undefined,
  )
})
