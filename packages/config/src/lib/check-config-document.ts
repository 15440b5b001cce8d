import { configDocumentLimits } from './config-document.ts'
import type { ConfigFault } from './config-error.ts'

type Fields = Readonly<Record<string, unknown>>

/** Collects what is wrong with a document that somebody else wrote. No value is in a reason. */
class DocumentCheck {
  readonly faults: ConfigFault[] = []

  want(isRight: boolean, path: string, reason: string): void {
    if (!isRight) this.faults.push({ path, reason })
  }

  fields(value: unknown, path: string): Fields | null {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    this.want(isObject, path, 'must be an object')
    return isObject ? (value as Fields) : null
  }

  integer(
    value: unknown,
    path: string,
    range: { readonly min: number; readonly max?: number },
  ): void {
    const { min, max = Number.MAX_SAFE_INTEGER } = range
    const isRight = Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
    this.want(isRight, path, `must be an integer from ${min} to ${max}`)
  }

  text(value: unknown, path: string): void {
    this.want(typeof value === 'string', path, 'must be a text')
  }

  release(value: unknown, path: string, options: { readonly latest: number }): void {
    const release = this.fields(value, path)
    if (release === null) return
    this.integer(release.version, `${path}.version`, { min: 1, max: options.latest })
    this.integer(release.parent, `${path}.parent`, { min: 0, max: options.latest })
    const isHash = typeof release.sha256 === 'string' && /^[0-9a-f]{64}$/.test(release.sha256)
    this.want(isHash, `${path}.sha256`, 'must be a SHA-256 in lower-case hexadecimal')
    const max = configDocumentLimits.maxBodyBytes
    this.integer(release.bytes, `${path}.bytes`, { min: 0, max })
    const isSyntax = release.syntax === 'json' || release.syntax === 'yaml'
    this.want(isSyntax, `${path}.syntax`, 'must be json or yaml')
    this.text(release.author, `${path}.author`)
    this.integer(release.atMs, `${path}.atMs`, { min: 0 })
    if (release.description !== undefined) this.text(release.description, `${path}.description`)
    if (release.body !== undefined) this.text(release.body, `${path}.body`)
    if (release.rolledBackTo !== undefined) {
      this.integer(release.rolledBackTo, `${path}.rolledBackTo`, { min: 1, max: options.latest })
    }
  }
}

/** What is wrong with what should be a `ConfigRelease`: nothing, when it is one. */
export function checkConfigRelease(value: unknown): readonly ConfigFault[] {
  const check = new DocumentCheck()
  check.release(value, '', { latest: Number.MAX_SAFE_INTEGER })
  return check.faults
}

/** What is wrong with what should be a `ConfigDocument`: nothing, when it is one. */
export function checkConfigDocument(value: unknown): readonly ConfigFault[] {
  const check = new DocumentCheck()
  const document = check.fields(value, '')
  if (document === null) return check.faults
  check.want(document.codexConfig === 1, 'codexConfig', 'must be 1, the format that is known here')
  // Another format may have anything else.
  if (check.faults.length > 0) return check.faults
  check.want(typeof document.name === 'string' && document.name !== '', 'name', 'must be a name')
  check.integer(document.version, 'version', { min: 1 })
  check.integer(document.changedAtMs, 'changedAtMs', { min: 0 })
  if (check.faults.length > 0) return check.faults
  const latest = Number(document.version)
  check.release(document.stable, 'stable', { latest })
  if (document.candidate !== undefined) {
    const { release, percentage } = check.fields(document.candidate, 'candidate') ?? {}
    check.release(release, 'candidate.release', { latest })
    const isPercentage = typeof percentage === 'number' && percentage >= 0 && percentage <= 100
    check.want(isPercentage, 'candidate.percentage', 'must be from 0 to 100')
  }
  const { history } = document
  check.want(Array.isArray(history), 'history', 'must be a list')
  const releases: unknown[] = Array.isArray(history) ? history : []
  const { maxHistory } = configDocumentLimits
  check.want(releases.length <= maxHistory, 'history', `must have ${maxHistory} entries at most`)
  releases.slice(0, maxHistory).forEach((release, index) => {
    check.release(release, `history[${index}]`, { latest })
  })
  return check.faults
}
