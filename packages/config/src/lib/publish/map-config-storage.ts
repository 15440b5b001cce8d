import type { ConfigReleaseInfo } from '../config-document.ts'
import {
  type ConfigOutboxRow,
  type ConfigReceipt,
  type ConfigStateRow,
  type ConfigStorage,
  type ConfigWrite,
  maxKept,
} from './config-storage.ts'

/** Keeps a configuration in memory. */
export class MapConfigStorage implements ConfigStorage {
  readonly #releases = new Map<number, ConfigReleaseInfo>()
  readonly #bodies = new Map<string, string>()
  readonly #receipts = new Map<string, ConfigReceipt>()
  #state: ConfigStateRow | undefined
  #outbox: ConfigOutboxRow | undefined

  loadState(): ConfigStateRow | undefined {
    return this.#state
  }

  loadReleases({
    beforeVersion = Infinity,
    limit,
  }: {
    readonly beforeVersion: number | undefined
    readonly limit: number
  }): readonly ConfigReleaseInfo[] {
    return [...this.#releases.values()]
      .filter(({ version }) => version < beforeVersion)
      .toSorted((a, b) => b.version - a.version)
      .slice(0, limit)
  }

  loadRelease(version: number): ConfigReleaseInfo | undefined {
    return this.#releases.get(version)
  }

  loadBody(sha256: string): string | undefined {
    return this.#bodies.get(sha256)
  }

  findReceipt(changeId: string): ConfigReceipt | undefined {
    return this.#receipts.get(changeId)
  }

  save({ receipt, state, releases, body }: ConfigWrite): void {
    for (const release of releases) this.#releases.set(release.version, release)
    if (body !== undefined) this.#bodies.set(body.sha256, body.text)
    this.#receipts.set(receipt.changeId, receipt)
    const [oldest] = this.#receipts.keys()
    if (this.#receipts.size > maxKept && oldest !== undefined) this.#receipts.delete(oldest)
    this.#state = state
    this.#forget(state)
  }

  adopt(state: ConfigStateRow, releases: readonly ConfigReleaseInfo[]): void {
    this.#releases.clear()
    this.#bodies.clear()
    this.#receipts.clear()
    for (const release of releases) this.#releases.set(release.version, release)
    this.#state = state
  }

  saveBody(sha256: string, text: string): void {
    this.#bodies.set(sha256, text)
  }

  loadOutbox(): ConfigOutboxRow | undefined {
    return this.#outbox
  }

  saveOutbox(row: ConfigOutboxRow): void {
    this.#outbox = row
  }

  #forget({ stableVersion, candidate }: ConfigStateRow): void {
    if (this.#releases.size <= maxKept) return
    const kept = this.loadReleases({ beforeVersion: undefined, limit: maxKept })
    const oldest = kept.at(-1)?.version ?? 0
    for (const version of this.#releases.keys()) {
      const isUsed = version === stableVersion || version === candidate?.version
      if (version < oldest && !isUsed) this.#releases.delete(version)
    }
    const used = new Set(Array.from(this.#releases.values(), ({ sha256 }) => sha256))
    for (const sha256 of this.#bodies.keys()) if (!used.has(sha256)) this.#bodies.delete(sha256)
  }
}
