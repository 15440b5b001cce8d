import { describe, expect, test } from 'vitest'
import { ConfigError } from '../lib/config-error.ts'
import { describeFailure, formatFailure } from './describe-failure.ts'

describe('describeFailure', () => {
  test('tells a cause of ours, and none that may quote a text', () => {
    const ours = new ConfigError('It is down', { code: 'unavailable', operation: 'load' })
    const options = { code: 'unavailable', operation: 'load' } as const
    expect(
      describeFailure(new ConfigError('Cannot load', { ...options, cause: ours })),
    ).toMatchObject({ message: 'Cannot load (It is down)', exitCode: 5 })
    const quoting = new SyntaxError('Unexpected token, "hunter22" is not JSON')
    expect(
      describeFailure(new ConfigError('Cannot load', { ...options, cause: quoting })).message,
    ).toBe('Cannot load')
  })

  test('calls a mistake in an option usage, and one of the engine a fault', () => {
    const mistake = new TypeError('Cannot create it: name must be a text, received 7')
    expect(describeFailure(mistake)).toMatchObject({ code: 'usage', exitCode: 2 })
    const fault = new TypeError("Cannot read properties of undefined (reading 'a')")
    expect(describeFailure(fault)).toMatchObject({ code: 'fault', exitCode: 70 })
  })

  test('lets no text speak to the terminal', () => {
    const faults = [{ path: 'a', reason: 'b\u001b[31m\u202e', origin: { uri: 'file:x\n' } }]
    const error = new ConfigError('Bad \u0007', { code: 'invalid', operation: 'load', faults })
    expect(formatFailure(describeFailure(error))).toEqual([
      'Bad \\u0007',
      '  a: b\\u001b[31m\\u202e (file:x\\u000a)',
    ])
  })
})
