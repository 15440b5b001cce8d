import {
  type ConfigRelease,
  configDocumentLimits,
  type ConfigDocument,
} from '../config-document.ts'
import { digestBody } from '../read-config-document.ts'
import { readBody } from './config-body.ts'
import type { ConfigAuthority } from './config-authority.ts'
import type { ConfigPublishReporter } from './config-publish-event.ts'
import { parsePublished } from './published-value.ts'

export interface AdoptPublishedOptions {
  readonly kv: KVNamespace
  /** What KV holds under the name of the configuration. */
  readonly text: string | null
  readonly authority: Pick<ConfigAuthority, 'name' | 'adopt'>
  readonly report: ConfigPublishReporter
}

/**
 * Takes what is in KV, so that the next change neither loses releases nor has a version that readers refuse as older. A plain file becomes
 * version 1, and so can be rolled back to. Of a document that is torn only the version is taken.
 */
export async function adoptPublished({
  kv,
  text,
  authority,
  report,
}: AdoptPublishedOptions): Promise<void> {
  const { name } = authority
  const found = parsePublished(name, text)
  if (found.kind === 'none') return
  if (found.kind === 'plain') {
    const release = await toFirstRelease(found.text)
    if (release === undefined) return
    authority.adopt({ version: 1, changedAtMs: 0, stableVersion: 1 }, [release])
    return
  }
  if (found.kind === 'corrupt') {
    const { version } = found
    report({ type: 'corrupt_document', name, version })
    if (version > 0) authority.adopt({ version, changedAtMs: 0, stableVersion: 0 }, [])
    return
  }
  const { document } = found
  const { version, changedAtMs, stable, candidate, history } = document
  const releases = await Promise.all(
    [stable, ...(candidate ? [candidate.release] : [])].map((release) => toWhole(kv, release)),
  )
  if (releases.some(({ body }) => body === undefined)) {
    report({ type: 'corrupt_document', name, version })
  }
  const next = candidate && {
    candidate: { version: candidate.release.version, percentage: candidate.percentage },
  }
  authority.adopt({ version, changedAtMs, stableVersion: stable.version, ...next }, [
    ...releases,
    ...history,
  ])
}

/** The release with a body that is what its hash says, or without one. */
async function toWhole(
  kv: KVNamespace,
  { body: inline, ...release }: ConfigDocument['stable'],
): Promise<ConfigRelease> {
  const isRight = inline !== undefined && (await digestBody(inline)).sha256 === release.sha256
  const body = isRight ? inline : await readBody(kv, release.sha256)
  return body === undefined ? release : { ...release, body }
}

async function toFirstRelease(text: string): Promise<ConfigRelease | undefined> {
  const { sha256, bytes } = await digestBody(text)
  if (bytes > configDocumentLimits.maxBodyBytes || !text.isWellFormed()) return undefined
  return {
    version: 1,
    parent: 0,
    sha256,
    bytes,
    syntax: isJson(text) ? 'json' : 'yaml',
    author: 'unknown',
    description: 'What was there before it had versions',
    atMs: 0,
    body: text,
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
