import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { listKeys, namespaceIds, readValueIfThere } from '../src/local-kv.ts'
import { formsOfSecret, seenSecrets } from '../src/seen-secrets.ts'

/** Every form of every bearer token that this run saw: of sessions, and of links in mails. */
function secretForms(): readonly string[] {
  return seenSecrets()
    .flatMap(formsOfSecret)
    .filter((form) => form.length >= 16)
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

interface StoredFile {
  readonly path: string
  /** One character per byte: tokens are ASCII, and databases are not text. */
  readonly bytes: string
}

/**
 * Reads all files of the stores. An object that has been idle is put away, and what its log held moves into its database: a file that goes away
 * meanwhile has all of them read again, so that nothing is missed between the two.
 */
function readStored(...stores: readonly string[]): StoredFile[] {
  for (let attempt = 1; ; attempt++) {
    try {
      return stores
        .flatMap((store) => filesUnder(join(inject('stateDirectory'), 'v3', store)))
        .map((path) => ({ path, bytes: readFileSync(path, 'latin1') }))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 100) throw error
    }
  }
}

interface DocumentedEntry {
  readonly pattern: RegExp
  /** `Infinity` where the document gives no plain times. */
  readonly keptSeconds: number
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `5m` in seconds, and 0 for what is not used. */
function toSeconds(duration: string | undefined): number {
  const [, count = '0', unit = 's'] = /^(\d+)([smhd])$/.exec(duration ?? '') ?? []
  return Number(count) * (secondsOf[unit] ?? Number.NaN)
}

/**
 * The keys of the storage schema, but the pattern of all cache entries, whose own table is exact: an entry is kept until
 * it is neither fresh nor stale nor good enough while the database fails.
 */
function documentedEntries(): DocumentedEntry[] {
  const path = join(import.meta.dirname, '../../docs/storage-schema.md')
  const rows = readFileSync(path, 'utf8').matchAll(/^\| `([a-z-]+:[^`]+)` *\|(.*)$/gm)
  return [...rows]
    .filter(([, key]) => key !== 'cache:{feature}:{id}')
    .map(([, key = '', cells = '']) => {
      const [fresh, stale, staleIfError] = cells.split('|').map((cell) => cell.trim())
      const keptSeconds =
        toSeconds(fresh) + Math.max(toSeconds(stale), toSeconds(staleIfError)) || Infinity
      return { pattern: new RegExp(`^${key.replaceAll(/\{\w+\}/g, '[^:]+')}$`), keptSeconds }
    })
}

describe('after everything else has run', () => {
  it('no key, value or metadata in any namespace holds a bearer token', async () => {
    const forms = secretForms()
    // Without tokens, or without entries, there would be nothing to find.
    expect(forms.length).toBeGreaterThan(50)
    const found: string[] = []
    for (const namespaceId of namespaceIds) {
      const keys = await listKeys(namespaceId)
      expect(keys.length, namespaceId).toBeGreaterThan(0)
      for (const { name, metadata } of keys) {
        const value = (await readValueIfThere(namespaceId, name)) ?? ''
        const entry = `${name}\n${JSON.stringify(metadata)}\n${value}`
        if (forms.some((form) => entry.includes(form))) found.push(`${namespaceId} ${name}`)
      }
    }
    expect(found).toEqual([])
  })

  it('no file that KV, objects and the database are stored in holds one, not even of what was deleted', () => {
    const forms = secretForms()
    const files = readStored('kv', 'do', 'd1')
    // The rows of sessions are among them, so that not finding a token says something.
    expect(files.filter(({ path }) => path.includes('SessionObject')).length).toBeGreaterThan(1)
    expect(files.some(({ path }) => path.includes('blobs'))).toBe(true)
    expect(files.some(({ path }) => path.endsWith('.sqlite'))).toBe(true)
    const found = files.filter(({ bytes }) => forms.some((form) => bytes.includes(form)))
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('no line that the workers logged holds one', () => {
    const forms = secretForms()
    const lines = readFileSync(join(inject('stateDirectory'), 'workers.log'), 'utf8').split('\n')
    expect(lines.some((line) => line.includes('session_created'))).toBe(true)
    expect(lines.filter((line) => forms.some((form) => line.includes(form)))).toEqual([])
  })

  it('no name or row of a limit holds a mail address or a network address', async () => {
    // Of sample users, of people that tests made, and of the range that visitors come from.
    const personal = /@(?:codex|people)\.example|198\.1[89]\.\d+\.\d+/
    const counts = await listKeys('rate-limit')
    expect(counts.filter(({ name }) => personal.test(name))).toEqual([])
    // The objects of sessions hold the e-mail of their user.
    const rows = readStored('do').filter(({ path }) => path.includes('RateLimiterObject'))
    expect(rows.some(({ path }) => path.endsWith('.sqlite'))).toBe(true)
    expect(rows.some(({ bytes }) => bytes.includes('5:login:account:'))).toBe(true)
    expect(rows.filter(({ bytes }) => personal.test(bytes)).map(({ path }) => path)).toEqual([])
  })

  it('every key is one that docs/storage-schema.md lists, and lives no longer than it says', async () => {
    const entries = documentedEntries()
    const undocumented: string[] = []
    for (const namespaceId of namespaceIds) {
      for (const { name, metadata } of await listKeys(namespaceId)) {
        const entry = entries.find(({ pattern }) => pattern.test(name))
        const expiresAtMs = (metadata as { expiresAtMs?: number } | null)?.expiresAtMs ?? 0
        const tooLong = expiresAtMs > Date.now() + (entry?.keptSeconds ?? Infinity) * 1000
        if (entry === undefined || tooLong) undocumented.push(`${namespaceId} ${name}`)
      }
    }
    expect(undocumented).toEqual([])
  })

  it('would find a token that is written down in any of its forms', () => {
    expect(formsOfSecret('s%2Fg%3D')).toEqual(expect.arrayContaining(['s%2Fg%3D', 's/g=']))
    expect(formsOfSecret('v1.key.user.secret.mac')).toEqual(
      expect.arrayContaining(['v1.key.user.secret.mac', 'secret', 'mac']),
    )
    expect(formsOfSecret('v1.key.user.secret.mac')).not.toContain('user')
  })
})
