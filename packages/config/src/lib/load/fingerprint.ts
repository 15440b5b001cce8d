import { canonicalText, type ConfigNode } from './config-node.ts'

/** One for the process, made when first needed: Workers have no randomness while a module loads. It never changes after. */
const processKey: { bytes?: Uint8Array<ArrayBuffer> } = {}

/**
 * What a configuration says, as one short text: equal for equal ones, whatever the order of their names.
 *
 * @returns 64 hexadecimal digits, that only compare within this process.
 */
export async function fingerprint(root: ConfigNode): Promise<string> {
  processKey.bytes ??= crypto.getRandomValues(new Uint8Array(32))
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', processKey.bytes, algorithm, false, ['sign'])
  const bytes = new TextEncoder().encode(canonicalText(root))
  const digest = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
