import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseConfigProfiles, readConfigProfiles } from './config-profiles.ts'

const text = `
main:
  accountId: 01a7362d577a6c3019a474fd6f485823
  namespaceTitle: settings
  auth: { tokenVariable: SETTINGS_TOKEN }
  authority: { url: https://config.example/, tokenVariable: PUBLISH_TOKEN }
old:
  namespaceId: 0f2ac74b498b48028cb68387c421e279
  auth: { keyVariable: KEY, emailVariable: EMAIL }
archive:
  bucket: settings
  endpoint: https://s3.example
`

function inFolder(content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'config-profiles-'))
  const before = process.cwd()
  process.chdir(folder)
  onTestFinished(() => {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  })
  if (content !== undefined) writeFileSync('codex-config.profiles.yaml', content)
  return folder
}

describe('profiles', () => {
  test('are in the file of the working directory', () => {
    inFolder(text)
    expect(Object.keys(readConfigProfiles({}))).toEqual(['main', 'old', 'archive'])
  })

  test('are none where there is no such file, or an empty one', () => {
    inFolder()
    expect(readConfigProfiles({})).toEqual({})
    expect(parseConfigProfiles('# nothing yet\n', 'file')).toEqual({})
  })

  test('are in the file, or in the text, of a variable', () => {
    const folder = inFolder('other: { namespaceTitle: other }')
    const path = join(folder, 'mine.yaml')
    writeFileSync(path, text)
    expect(Object.keys(readConfigProfiles({ CODEX_CONFIG_PROFILES: path }))).toContain('main')
    const json = '{"inline": {"namespaceTitle": "settings"}}'
    expect(readConfigProfiles({ CODEX_CONFIG_PROFILES: json })).toEqual({
      inline: { namespaceTitle: 'settings' },
    })
    expect(() => readConfigProfiles({ CODEX_CONFIG_PROFILES: '/none.yaml' })).toThrow(
      'Cannot read profiles: /none.yaml must be a file (ENOENT)',
    )
  })

  test.each([
    ['hunter2', 'file must be a map'],
    ['a: [hunter2', 'file must be YAML or JSON'],
    ['a: hunter2', 'file: a must be a map'],
    ['{"a b": {}}', 'an alias must be'],
    ['01a7362d577a6c3019a474fd6f485823: {}', 'an alias must be'],
    ['a: {}', 'file: a must have namespaceId or namespaceTitle'],
    ['a: {namespaceId: x, namespaceTitle: y}', 'must have namespaceId or namespaceTitle'],
    ['a: {namespaceId: x, token: hunter2}', 'file: a must have no fields but accountId'],
    ['a: {namespaceId: 7}', 'file: a.namespaceId must be a text'],
    ['a: {namespaceId: x, auth: hunter2}', 'file: a.auth must be a map'],
    ['a: {namespaceId: x, auth: {apiToken: hunter2}}', 'must have no fields but keyVariable'],
    ['a: {namespaceId: x, auth: {tokenVariable: hun-ter2}}', 'must be the name of a variable'],
    ['a: {namespaceId: x, auth: {keyVariable: KEY}}', 'auth.emailVariable must be the name'],
    ['a: {namespaceId: x, authority: {}}', 'file: a.authority.url must be a text'],
    ['a: {bucket: b, accountId: x}', 'file: a must have no fields but bucket'],
    ['a: {bucket: b, accessKeyIdVariable: hun/ter2}', 'must be the name of a variable'],
  ])('that cannot be are refused, without a value: %j', (wrong, message) => {
    expect(() => parseConfigProfiles(wrong, 'file')).toThrow(message)
    expect(() => parseConfigProfiles(wrong, 'file')).not.toThrow(/hunter2|hun.ter2/)
  })
})
