import { expect, test } from 'vitest'
import { ConfigError } from '../config-error.ts'
import { toFileError } from './file-error.ts'

// Who runs tests as root may read everything, so the system's errors are made here.
test.for([
  ['ENOENT', 'not_found'],
  ['ENOTDIR', 'not_found'],
  ['EACCES', 'forbidden'],
  ['EPERM', 'forbidden'],
  ['EIO', 'unavailable'],
] as const)('takes %s for %s', ([code, wanted]) => {
  const error = toFileError('file:web.yaml', Object.assign(new Error(code), { code }))
  expect(error).toBeInstanceOf(ConfigError)
  expect(error).toMatchObject({ code: wanted })
})
