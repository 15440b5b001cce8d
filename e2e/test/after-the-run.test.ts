import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { listKeys, namespaceIds, readValue } from '../src/local-kv.ts'
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
        const value = await readValue(namespaceId, name)
        const entry = `${name}\n${JSON.stringify(metadata)}\n${value}`
        if (forms.some((form) => entry.includes(form))) found.push(`${namespaceId} ${name}`)
      }
    }
    expect(found).toEqual([])
  })

  it('no file that KV is stored in holds one, not even of what was deleted', () => {
    const forms = secretForms()
    const files = filesUnder(join(inject('stateDirectory'), 'v3/kv'))
    expect(files.some((path) => path.includes('blobs'))).toBe(true)
    expect(files.some((path) => path.endsWith('.sqlite'))).toBe(true)
    const found = files.filter((path) => {
      // One character per byte: tokens are ASCII, and databases are not text.
      const bytes = readFileSync(path, 'latin1')
      return forms.some((form) => bytes.includes(form))
    })
    expect(found).toEqual([])
  })

  it('would find a token that is written down in any of its forms', () => {
    expect(formsOfSecret('abc.s%2Fg%3D')).toEqual(
      expect.arrayContaining(['abc.s%2Fg%3D', 'abc.s/g=', 'abc']),
    )
  })
})
