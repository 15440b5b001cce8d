import { imageSize } from 'image-size'

export interface ImageDimensions {
  readonly widthPx: number
  readonly heightPx: number
}

/** EXIF orientations 5 to 8 turn the picture by a quarter, so that it is shown as high as it is stored wide. */
const firstQuarterTurn = 5

/**
 * Reads an image's dimensions, as they are shown, from how its file begins.
 *
 * @returns `null` when they are not in these bytes: the file is damaged, or they come later in it.
 */
export function readImageDimensions(prefix: Uint8Array): ImageDimensions | null {
  try {
    const { width, height, orientation = 1 } = imageSize(prefix)
    if (!(width > 0 && height > 0)) return null
    return orientation >= firstQuarterTurn
      ? { widthPx: height, heightPx: width }
      : { widthPx: width, heightPx: height }
  } catch {
    return null
  }
}
