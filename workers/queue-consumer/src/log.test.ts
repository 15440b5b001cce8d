import { describe, expect, it } from 'vitest'
import { describeError } from './log.ts'

/** As drizzle throws it. */
class QueryError extends Error {
  readonly query = 'update media_items set failure_reason = ?'
  readonly params = ['said by somebody']

  constructor(cause: Error) {
    super('Failed query: update media_items set failure_reason = ?\nparams: said by somebody', {
      cause,
    })
  }
}

describe('describeError', () => {
  it('joins the messages of an error and its causes, cut to 300 characters', () => {
    const error = new Error('Cannot put', { cause: new Error('R2 failed') })
    expect(describeError(error)).toBe('Cannot put < R2 failed')
    expect(describeError(new Error('x'.repeat(1000)))).toHaveLength(300)
    expect(describeError('thrown text')).toBe('thrown text')
  })

  it('tells why a query failed and none of its parameters', () => {
    const error = new QueryError(new Error('D1_ERROR: Network connection lost.'))
    expect(describeError(error)).toBe('Failed query < D1_ERROR: Network connection lost.')
  })
})
