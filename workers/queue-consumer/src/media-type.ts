import { fileTypeFromBuffer } from 'file-type'

/** What may be uploaded. SVG is not: it is a document that runs scripts. */
const supportedTypes = [
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'application/pdf',
  'application/zip',
  'audio/mpeg',
  'audio/wav',
  'audio/ogg',
  'audio/mp4',
  'video/mp4',
  'video/webm',
  'video/quicktime',
  'video/ogg',
  'text/plain',
  'text/markdown',
] as const
type SupportedType = (typeof supportedTypes)[number]

const supportedTypesText =
  'PNG, JPEG, WebP, GIF, PDF, ZIP, MP3, WAV, Ogg, MP4, WebM, MOV, plain text and Markdown'

export type MediaTypeVerdict =
  | { readonly ok: true; readonly type: SupportedType }
  | { readonly ok: false; readonly reason: string }

export interface MediaTypeEvidence {
  /** How the file begins. */
  readonly prefix: Uint8Array
  readonly isText: boolean
  /** In lower case and without parameters; `application/octet-stream` declares nothing. */
  readonly declaredType: string
}

const undeclaredType = 'application/octet-stream'

/** Other names of a supported type, as browsers, operating systems and file-type have them. */
const aliases: Readonly<Record<string, SupportedType>> = {
  'image/apng': 'image/png',
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'application/x-pdf': 'application/pdf',
  'application/x-zip': 'application/zip',
  'application/x-zip-compressed': 'application/zip',
  'audio/mp3': 'audio/mpeg',
  'audio/x-mp3': 'audio/mpeg',
  'audio/wave': 'audio/wav',
  'audio/x-wav': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/m4a': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/opus': 'audio/ogg',
  'audio/webm': 'video/webm',
  'application/ogg': 'audio/ogg',
  'application/mp4': 'video/mp4',
  'video/x-m4v': 'video/mp4',
  'text/x-markdown': 'text/markdown',
}

/** Types of one container, which its first bytes do not always tell apart: either name for it is honest. */
const containers: readonly (readonly SupportedType[])[] = [
  ['video/mp4', 'video/quicktime', 'audio/mp4'],
  ['audio/ogg', 'video/ogg'],
  ['text/plain', 'text/markdown'],
]

/** Decides from a file's own bytes what it is, and whether that may be stored under the type that was declared. */
export async function judgeMediaType({
  prefix,
  isText,
  declaredType,
}: MediaTypeEvidence): Promise<MediaTypeVerdict> {
  const sniffedType = await sniff(prefix)
  const foundType = toSupported(sniffedType) ?? (isText ? 'text/plain' : null)
  const declared = toSupported(declaredType)
  if (declared === null && declaredType !== undeclaredType) {
    return { ok: false, reason: unsupported(`declared as ${declaredType}, which is`) }
  }
  if (foundType === null) {
    return {
      ok: false,
      reason: unsupported(
        sniffedType === null ? 'of an unknown type,' : `${sniffedType}, which is`,
      ),
    }
  }
  if (declared === null || declared === foundType) return { ok: true, type: foundType }
  if (!containers.some((types) => types.includes(declared) && types.includes(foundType))) {
    return {
      ok: false,
      reason: `The file was declared as ${declaredType}, but its content is ${foundType}.`,
    }
  }
  // Nothing in the bytes tells Markdown from other text, while a container's own brand is worth more than its name.
  return { ok: true, type: foundType === 'text/plain' ? declared : foundType }
}

/** Bounds what is read of nested structures; the input is the prefix, which is in memory already. */
async function sniff(prefix: Uint8Array): Promise<string | null> {
  try {
    const result = await fileTypeFromBuffer(prefix)
    return result?.mime.split(';', 1)[0] ?? null
  } catch {
    // A structure so broken that the parser gave up on it will be so on every attempt: the type is unknown.
    return null
  }
}

function toSupported(type: string | null): SupportedType | null {
  if (type === null) return null
  return aliases[type] ?? supportedTypes.find((supported) => supported === type) ?? null
}

function unsupported(subject: string): string {
  return `The file is ${subject} not supported. You can upload ${supportedTypesText}.`
}
