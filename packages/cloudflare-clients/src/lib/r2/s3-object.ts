import type { ObjectProperties } from './object-store.ts'
import type { ObjectHttpMetadata, StoredObject } from './stored-object.ts'

const metadataPrefix = 'x-amz-meta-'
const httpHeaders = {
  contentType: 'content-type',
  contentLanguage: 'content-language',
  contentDisposition: 'content-disposition',
  contentEncoding: 'content-encoding',
  cacheControl: 'cache-control',
} as const satisfies Partial<Record<keyof ObjectHttpMetadata, string>>
const httpNames = Object.keys(httpHeaders) as (keyof typeof httpHeaders)[]

export function toPropertyHeaders(properties: ObjectProperties): [string, string][] {
  const { httpMetadata = {}, metadata = {}, storageClass } = properties
  const headers: [string, string][] = []
  for (const name of httpNames) {
    const value = httpMetadata[name]
    if (value !== undefined) headers.push([httpHeaders[name], value])
  }
  if (httpMetadata.expiresAtMs !== undefined) {
    headers.push(['expires', new Date(httpMetadata.expiresAtMs).toUTCString()])
  }
  for (const [name, value] of Object.entries(metadata)) {
    headers.push([`${metadataPrefix}${name}`, value])
  }
  if (storageClass !== undefined) headers.push(['x-amz-storage-class', storageClass])
  return headers
}

export function toEtag(header: string | null | undefined): string {
  return (header ?? '').replace(/^(?:W\/)?"|"$/g, '')
}

function toHttpMetadata(headers: Headers): ObjectHttpMetadata {
  const found = httpNames.flatMap((name) => {
    const value = headers.get(httpHeaders[name])
    return value === null ? [] : [[name, value] as const]
  })
  const expiresAtMs = Date.parse(headers.get('expires') ?? '')
  return {
    ...Object.fromEntries(found),
    ...(!Number.isNaN(expiresAtMs) && { expiresAtMs }),
  }
}

function toMetadata(headers: Headers): Record<string, string> {
  const metadata: Record<string, string> = {}
  for (const [name, value] of headers) {
    if (name.startsWith(metadataPrefix)) metadata[name.slice(metadataPrefix.length)] = value
  }
  return metadata
}

/** `bytes 0-9/100`, in an answer that is a part of the object. */
export function readContentRange(
  headers: Headers,
): { offset: number; length: number; sizeBytes: number } | undefined {
  const [, first, last, size] =
    /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  if (size === undefined) return undefined
  const offset = Number(first)
  return { offset, length: Number(last) - offset + 1, sizeBytes: Number(size) }
}

/** What the headers of an answer say of the object. */
export function fromHeaders(key: string, headers: Headers): StoredObject {
  const storageClass = headers.get('x-amz-storage-class')
  return {
    key,
    sizeBytes: readContentRange(headers)?.sizeBytes ?? Number(headers.get('content-length')),
    etag: toEtag(headers.get('etag')),
    uploadedAtMs: Date.parse(headers.get('last-modified') ?? ''),
    httpMetadata: toHttpMetadata(headers),
    metadata: toMetadata(headers),
    checksums: {},
    ...(storageClass !== null && { storageClass }),
  }
}
