import { pollUntil } from './poll-until.ts'
import type { SiteClient, SiteResponse } from './site-client.ts'

/** A file to upload. */
export interface UploadFile {
  readonly filename: string
  /** What the uploader says it is. */
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A small image that every decoder accepts: 1 × 1 pixel, PNG. */
export function tinyPng(filename = 'pixel.png'): UploadFile {
  const base64 =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  return { filename, type: 'image/png', bytes }
}

/** Sends the bare bytes, as the studio's script does. */
export function putUpload(client: SiteClient, file: UploadFile): Promise<SiteResponse> {
  return client.request(`/studio/upload?filename=${encodeURIComponent(file.filename)}`, {
    method: 'PUT',
    headers: { 'content-type': file.type },
    body: file.bytes,
  })
}

/** Sends the form, as a browser without scripts does. */
export function postUpload(client: SiteClient, file: UploadFile): Promise<SiteResponse> {
  return client.postForm('/studio?/upload', {
    file: new File([file.bytes], file.filename, { type: file.type }),
  })
}

/**
 * Waits until an upload has been processed, for better or worse.
 *
 * @returns Every status that was seen on the way, the final one last.
 */
export async function waitForProcessing(client: SiteClient, mediaId: string): Promise<string[]> {
  const seen: string[] = []
  await pollUntil(
    `upload ${mediaId} is processed`,
    async () => {
      const response = await client.get(`/api/media/${mediaId}/status`)
      const { status } = JSON.parse(response.text) as { status?: string }
      if (status === undefined) throw new Error(`Expected a status, received ${response.text}`)
      if (seen.at(-1) !== status) seen.push(status)
      return status === 'ready' || status === 'failed'
    },
    // The site's own page asks every second or so, and the API allows 100 calls a minute.
    { pauseMs: 400 },
  )
  return seen
}

/** An item's form. */
export interface NewItem {
  readonly title: string
  readonly categoryId: string
  /** In dollars, as it is typed. */
  readonly price: string
  readonly mediaItemId?: string
}

/**
 * Makes a draft.
 *
 * @returns The path of its page in the studio.
 */
export async function createDraft(client: SiteClient, item: NewItem): Promise<string> {
  const response = await client.postForm('/studio/items/new', {
    title: item.title,
    summary: 'Made while the site is being tried.',
    body: 'What is inside.',
    categoryId: item.categoryId,
    price: item.price,
    mediaItemId: item.mediaItemId ?? '',
  })
  if (response.location === null) {
    throw new Error(`Expected a redirect to the new item, received ${response.status}`)
  }
  return new URL(response.location, client.origin).pathname
}

export function publishItem(client: SiteClient, itemPath: string): Promise<SiteResponse> {
  return client.postForm(`${itemPath}?/publish`)
}

export function unpublishItem(client: SiteClient, itemPath: string): Promise<SiteResponse> {
  return client.postForm(`${itemPath}?/unpublish`)
}
