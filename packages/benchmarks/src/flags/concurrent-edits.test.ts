import { expect, it } from 'vitest'
import { cellOf } from '../scenario.ts'
import { concurrentEdits } from './concurrent-edits.ts'

it('loses no edit of a hundred at once through the authority, and many without', async () => {
  const results = await concurrentEdits.run()
  expect(concurrentEdits.failures(results)).toEqual([])
  const lost = cellOf(results, {
    library: 'read, change and write a key of KV',
    scenario: 'concurrent-edits',
    metric: 'within 5 minutes: lost',
  })
  expect(lost).toBeGreaterThan(10)
})
