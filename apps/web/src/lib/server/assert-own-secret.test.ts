import { expect, it } from 'vitest'
import { assertOwnSecret } from './assert-own-secret.ts'

const shared = 'development-only-secret-of-32-characters'

it('takes the shared secret in development only', () => {
  expect(() => {
    assertOwnSecret({ ENVIRONMENT: 'development', AUTH_SECRET: shared })
  }).not.toThrow()
  for (const ENVIRONMENT of ['staging', 'production', '', 'Development']) {
    expect(() => {
      assertOwnSecret({ ENVIRONMENT, AUTH_SECRET: shared })
    }).toThrow('AUTH_SECRET must not be the secret of development')
  }
})

it('needs a secret everywhere else, and never quotes it', () => {
  for (const AUTH_SECRET of [undefined, '']) {
    expect(() => {
      assertOwnSecret({ ENVIRONMENT: 'production', AUTH_SECRET })
    }).toThrow('AUTH_SECRET must be set')
  }
  expect(() => {
    assertOwnSecret({
      ENVIRONMENT: 'production',
      AUTH_SECRET: 'a secret of this environment alone',
    })
  }).not.toThrow()
})
