import { toBodyKey } from '../read-config-document.ts'

const bodyKeyPrefix = toBodyKey('')

/** What is wrong with a name that is to be a key in KV, as the end of a sentence; or `undefined`. */
export function faultOfName(name: string): string | undefined {
  const subject = 'the name of a configuration must be one'
  // KV refuses both as a key.
  if (name === '.' || name === '..') {
    return `${subject} other than . and .., received ${JSON.stringify(name)}`
  }
  // It would be put over the body of another configuration.
  if (name.startsWith(bodyKeyPrefix)) {
    return `${subject} that does not begin with ${bodyKeyPrefix}, as the keys of bodies do, received ${JSON.stringify(name)}`
  }
  return undefined
}
