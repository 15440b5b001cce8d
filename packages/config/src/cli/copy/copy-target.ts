import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { ConfigSyntax } from '../../lib/config-document.ts'
import { toFilePath } from '../../lib/node/file-path.ts'
import { parseConfigDocument } from '../../lib/read-config-document.ts'
import { encodeKey } from '../../lib/sources/kv-source.ts'
import { toUtf8 } from '../bulk/bytes.ts'
import { writeKeyFile } from '../bulk/key-path.ts'
import { readTexts } from '../bulk/read-texts.ts'
import { writeWhole } from '../bulk/state-file.ts'
import { usageFailure } from '../command-failure.ts'
import type { Places } from '../places.ts'
import { showUri } from '../show-uri.ts'

/** A text on its way. */
export interface CopyItem {
  readonly from: string
  /** Below a target that is a prefix or a folder. */
  readonly name: string
  readonly text: string
  readonly syntax: ConfigSyntax
}

/** What is there already. */
export type TargetState =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'text'; readonly text: string }
  /** A document with versions, which only a publication may take the place of. */
  | { readonly kind: 'published'; readonly sha256: string; readonly isRollingOut: boolean }

/** Where texts are copied to. */
export interface CopyTarget {
  /** Whether names are put below it. */
  readonly isMany: boolean
  uriOf(item: CopyItem): string
  readStates(items: readonly CopyItem[]): Promise<readonly TargetState[]>
  /** Some together, which is how KV is quickest. */
  write(items: readonly CopyItem[], signal: AbortSignal): Promise<void>
  /** How many `write` may be given. */
  readonly batchSize: number
}

export async function openCopyTarget(uri: string, places: Places): Promise<CopyTarget> {
  if (uri.startsWith('kv://')) return openKVTarget(uri, places)
  if (uri.startsWith('s3://')) return openS3Target(uri, places)
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri) && !/^file:/i.test(uri)) {
    throw usageFailure(
      `Cannot copy to ${showUri(uri)}: a path, kv:// or s3:// was wanted, received another scheme`,
    )
  }
  return openFileTarget(uri)
}

/** @throws {CommandFailure} When two texts would get to one place, where the second would take that of the first. */
export function refuseSharedPlaces(
  items: readonly CopyItem[],
  target: Pick<CopyTarget, 'uriOf'>,
): void {
  const fromByPlace = new Map<string, string>()
  for (const item of items) {
    const to = target.uriOf(item)
    const other = fromByPlace.get(to)
    if (other !== undefined) {
      throw usageFailure(
        `Cannot copy: a place for each text was wanted, received ${to} for ${other} and ${item.from}`,
      )
    }
    fromByPlace.set(to, item.from)
  }
}

function toState(text: string | null, uri: string): TargetState {
  if (text === null) return { kind: 'nothing' }
  const document = parseConfigDocument(text, uri)
  if (document === null) return { kind: 'text', text }
  const { stable, candidate } = document
  return { kind: 'published', sha256: stable.sha256, isRollingOut: candidate !== undefined }
}

function openKVTarget(uri: string, places: Places): CopyTarget {
  const isMany = /[*/]$/.test(uri)
  const place = isMany ? places.kvPrefix(uri) : places.kvKey(uri)
  const kv = place.open()
  const keyOf = ({ name }: CopyItem): string => (isMany ? `${place.key}${name}` : place.key)
  const uriOf = ({ name }: CopyItem): string =>
    isMany ? `${place.uri.replace(/\*$/, '')}${encodeKey(name)}` : place.uri
  return {
    isMany,
    uriOf,
    async readStates(items) {
      const texts = await readTexts(kv, items.map(keyOf))
      return items.map((item) => toState(texts.get(keyOf(item)) ?? null, uriOf(item)))
    },
    write: (items, signal) =>
      kv
        .withCallOptions({ signal })
        .putMany(items.map((item) => ({ key: keyOf(item), value: item.text }))),
    batchSize: 1_000,
  }
}

function openS3Target(uri: string, places: Places): CopyTarget {
  const isMany = uri.endsWith('/')
  const find = ({ name }: CopyItem) => places.s3Object(isMany ? `${uri}${encodeKey(name)}` : uri)
  return {
    isMany,
    uriOf: (item) => find(item).uri,
    readStates: (items) =>
      Promise.all(
        items.map(async (item): Promise<TargetState> => {
          const { bucket, key } = find(item)
          const object = await bucket.get(key)
          return object === null ? { kind: 'nothing' } : { kind: 'text', text: await object.text() }
        }),
      ),
    async write(items, signal) {
      for (const item of items) {
        const { bucket, key } = find(item)
        const contentType = item.syntax === 'json' ? 'application/json' : 'application/yaml'
        await bucket.put(key, item.text, { httpMetadata: { contentType }, signal })
      }
    },
    batchSize: 1,
  }
}

async function openFileTarget(uri: string): Promise<CopyTarget> {
  const path = resolve(toFilePath(uri).path)
  const isMany = uri.endsWith('/') || (await isFolder(path))
  const shown = uri.replace(/\/$/, '')
  return {
    isMany,
    uriOf: ({ name }) => (isMany ? `${shown}/${name}` : shown),
    readStates: (items) =>
      Promise.all(
        items.map(async ({ name }): Promise<TargetState> => {
          const text = await readIfThere(isMany ? join(path, name) : path)
          return text === null ? { kind: 'nothing' } : { kind: 'text', text }
        }),
      ),
    async write(items) {
      for (const { name, text } of items) {
        if (isMany) {
          await mkdir(path, { recursive: true })
          await writeKeyFile(path, { key: name, bytes: toUtf8(text) })
        } else {
          await mkdir(dirname(path), { recursive: true })
          await writeWhole(path, text)
        }
      }
    },
    batchSize: 1,
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
