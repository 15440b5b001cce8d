import { describe, expect, it } from 'vitest'
import { describeError } from './log.ts'

class QueryError extends Error {
  override name = 'QueryError'
  readonly query = 'select * from sessions where token = ?'
  readonly params = ['secret-token']
  constructor(cause: unknown) {
    super('Failed query: select * from sessions where token = ? params: secret-token', { cause })
  }
}

describe('describeError', () => {
  it('keeps the statement of a failed query and none of its parameters', () => {
    const described = describeError(new QueryError(new Error('D1_ERROR: network lost')))
    expect(JSON.stringify(described)).not.toContain('secret-token')
    expect(described).toMatchObject({
      message: 'Failed query: select * from sessions where token = ?',
      cause: { name: 'Error', message: 'D1_ERROR: network lost' },
    })
  })

  it('names only the type of a thrown value that is not an error', () => {
    expect(describeError('secret-token')).toEqual({ name: 'string' })
  })
})
