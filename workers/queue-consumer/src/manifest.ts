import type { MediaItemRow } from '@codex/database'
import type { ImageDimensions } from './image-dimensions.ts'

/** Widths at which an image is worth serving, smallest first. */
const servedWidthsPx = [320, 640, 1280, 1920] as const

/** A form in which an item can be had. One without a key is made from `original` when it is served. */
export interface Rendition {
  readonly name: string
  readonly type: string
  readonly key?: string
  readonly sizeBytes?: number
  readonly widthPx?: number
  readonly heightPx?: number
}

export interface Manifest {
  readonly version: 1
  readonly mediaId: string
  readonly source: {
    readonly key: string
    readonly sizeBytes: number
    readonly sha256: string
    readonly type: string
  }
  readonly renditions: readonly Rendition[]
  /** When the item was uploaded, ISO 8601: nothing here depends on when it was processed. */
  readonly createdAt: string
}

export interface ManifestContent {
  readonly sha256: string
  readonly type: string
  readonly dimensions: ImageDimensions | null
  /** What an external transcoder made of it. */
  readonly transcoded?: readonly Rendition[]
}

/** Where an item's manifest and its renditions are stored: beside its original. */
export function storageFolder(media: MediaItemRow): string {
  return media.objectKey.slice(0, media.objectKey.lastIndexOf('/'))
}

export function manifestKey(media: MediaItemRow): string {
  return `${storageFolder(media)}/manifest.json`
}

/** The manifest of an item: a function of its row and its bytes, so that a redelivery writes the same one. */
export function buildManifest(
  media: MediaItemRow,
  { sha256, type, dimensions, transcoded = [] }: ManifestContent,
): Manifest {
  const { id, objectKey, sizeBytes, createdAt } = media
  return {
    version: 1,
    mediaId: id,
    source: { key: objectKey, sizeBytes, sha256, type },
    renditions: [
      { name: 'original', type, key: objectKey, sizeBytes, ...dimensions },
      ...(dimensions === null ? [] : smallerImages(dimensions)),
      ...transcoded,
    ],
    createdAt: createdAt.toISOString(),
  }
}

function smallerImages({ widthPx, heightPx }: ImageDimensions): Rendition[] {
  return servedWidthsPx
    .filter((servedWidthPx) => servedWidthPx < widthPx)
    .map((servedWidthPx) => ({
      name: `w${servedWidthPx}`,
      type: 'image/webp',
      widthPx: servedWidthPx,
      heightPx: Math.max(1, Math.round((heightPx * servedWidthPx) / widthPx)),
    }))
}
