import type { ConfigChangeRequest } from '../config-authority-calls.ts'
import { digestBody } from '../read-config-document.ts'
import { readBody } from './config-body.ts'
import { faultOfChange } from './config-change-fault.ts'
import type { ConfigStorage } from './config-storage.ts'

export interface BodyPlaces {
  readonly storage: Pick<ConfigStorage, 'loadRelease' | 'loadBody' | 'saveBody'>
  readonly kv: KVNamespace
}

/**
 * Does what a change needs and cannot do synchronously: hashes its body, and fetches the body of what it goes back to, where the authority
 * adopted that release without it.
 *
 * @returns The hash of the request's body.
 */
export async function prepareChange(
  request: ConfigChangeRequest,
  places: BodyPlaces,
): Promise<string | undefined> {
  if (faultOfChange(request) !== undefined) return undefined
  if (request.kind === 'rollback') await fetchBody(request.toVersion, places)
  return 'body' in request ? (await digestBody(request.body)).sha256 : undefined
}

/** Makes storage have the body of a release, where KV still has it. */
export async function fetchBody(version: number, { storage, kv }: BodyPlaces): Promise<void> {
  const release = storage.loadRelease(version)
  if (release === undefined || storage.loadBody(release.sha256) !== undefined) return
  const body = await readBody(kv, release.sha256)
  if (body !== undefined) storage.saveBody(release.sha256, body)
}
