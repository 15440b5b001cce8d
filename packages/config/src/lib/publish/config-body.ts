import { digestBody, toBodyKey } from '../read-config-document.ts'

/** @returns `undefined` where KV does not have it, or has something else under its name. */
export async function readBody(kv: KVNamespace, sha256: string): Promise<string | undefined> {
  const text = await kv.get(toBodyKey(sha256))
  return text !== null && (await digestBody(text)).sha256 === sha256 ? text : undefined
}
