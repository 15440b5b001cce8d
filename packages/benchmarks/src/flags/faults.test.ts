import { expect, it } from 'vitest'
import { faults } from './faults.ts'

it('answers what was last known, whatever fails', async () => {
  const results = await faults.run()
  expect(faults.failures(results)).toEqual([])
  const answers = (library: string): ReadonlySet<number | string> =>
    new Set(
      results
        .filter((row) => row.library === library && row.metric === 'answer')
        .map(({ value }) => value),
    )
  expect(answers('codex, edge')).not.toContain('threw')
  expect(answers('a key per flag')).toContain('threw')
  expect(answers('LaunchDarkly')).toContain('default')
})
