import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ConfigSource } from '../config-source.ts'
import { fileSource } from './file-source.ts'

function createFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'config-files-')))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

async function textsOf(source: ConfigSource): Promise<string[]> {
  const documents = await source.load({ signal: new AbortController().signal })
  return documents.map((document) => ('text' in document ? document.text : ''))
}

/** As the kubelet mounts a ConfigMap: links in the folder, over one that is moved. */
function mount(folder: string, version: number): void {
  const data = `..2026_11_21_${version}`
  mkdirSync(join(folder, data))
  for (const name of ['a.yaml', 'b.yaml', 'c.yaml']) {
    writeFileSync(join(folder, data, name), `version: ${version}`)
    if (version === 0) symlinkSync(join('..data', name), join(folder, name))
  }
  symlinkSync(data, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
}

function unmount(folder: string, version: number): void {
  rmSync(join(folder, `..2026_11_21_${version}`), { recursive: true })
}

describe('a folder', () => {
  test('gives its YAML and JSON in the order of their names', async () => {
    const folder = createFolder()
    for (const name of ['b.json', 'a.yml', 'c.YAML', '.hidden.yaml', 'readme.md', 'yaml']) {
      writeFileSync(join(folder, name), `name: ${name}`)
    }
    mkdirSync(join(folder, 'deeper'))
    const documents = await fileSource(`${folder}/`).load({ signal: new AbortController().signal })
    expect(documents).toEqual([
      { uri: `file:${folder}/a.yml`, text: 'name: a.yml', syntax: 'yaml' },
      { uri: `file:${folder}/b.json`, text: 'name: b.json', syntax: 'json' },
      { uri: `file:${folder}/c.YAML`, text: 'name: c.YAML', syntax: 'yaml' },
    ])
  })

  test('with nothing in it is none', async () => {
    await expect(textsOf(fileSource(createFolder()))).rejects.toMatchObject({ code: 'not_found' })
  })

  test('is unavailable and not missing where a file is listed and cannot be found', async () => {
    const folder = createFolder()
    writeFileSync(join(folder, 'a.yaml'), 'a: 1')
    symlinkSync('nowhere', join(folder, 'b.yaml'))
    await expect(textsOf(fileSource(folder))).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('is refused whole where one of its files is', async () => {
    const folder = createFolder()
    writeFileSync(join(folder, 'a.yaml'), 'a: 1')
    writeFileSync(join(folder, 'b.yaml'), Uint8Array.of(0xff))
    await expect(textsOf(fileSource(folder))).rejects.toMatchObject({
      code: 'corrupt',
      message: `Cannot load file:${folder}/b.yaml: it must be UTF-8`,
    })
  })

  test('that Kubernetes replaces is of one moment in every load', async () => {
    const folder = createFolder()
    mount(folder, 0)
    const source = fileSource(folder)
    for (let version = 1; version <= 120; version++) {
      const loading = textsOf(source)
      // From before the first step of the load to after its last one.
      for (let turn = 0; turn < version / 2; turn++) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      mount(folder, version)
      unmount(folder, version - 1)
      const texts = await loading
      expect(texts).toHaveLength(3)
      expect(new Set(texts).size).toBe(1)
      expect([`version: ${version - 1}`, `version: ${version}`]).toContain(texts[0])
    }
  })
})

describe('a path', () => {
  test('may be a URI, relative or not, whose encoding is decoded once', async () => {
    const folder = createFolder()
    const file = join(folder, 'ä %41.yaml')
    writeFileSync(file, 'a: 1')
    const encoded = encodeURI(file)
    const relativePath = relative(process.cwd(), file)
    for (const path of [
      file,
      `file:${encoded}`,
      `file://${encoded}`,
      `file://localhost${encoded}`,
      `FILE:${encoded}`,
      relativePath,
      `file:${encodeURI(relativePath)}`,
    ]) {
      expect(await textsOf(fileSource(path))).toEqual(['a: 1'])
    }
    expect(fileSource(`file://${encoded}`).uri).toBe(`file:${file}`)
    expect(fileSource('config/base.yaml').uri).toBe('file:config/base.yaml')
  })

  test.each([
    '',
    'file:',
    'a\0b',
    'file:a%00b',
    'file:///a%00b',
    'file:%zz',
    'file:///%ff',
    'file://elsewhere/etc/app.yaml',
    'file:app.yaml?x=1',
    'file:///app.yaml#x',
  ])('is refused where it is none of this machine: %j', (path) => {
    expect(() => fileSource(path)).toThrow(/^Cannot create file source: /)
  })

  test('is the same one when the program changes its directory', async () => {
    const folder = createFolder()
    const before = process.cwd()
    onTestFinished(() => {
      process.chdir(before)
    })
    process.chdir(folder)
    writeFileSync('web.yaml', 'a: 1')
    const source = fileSource('web.yaml')
    process.chdir(before)
    expect(await textsOf(source)).toEqual(['a: 1'])
  })

  test('below a file is none', async () => {
    const file = join(createFolder(), 'web.yaml')
    writeFileSync(file, 'a: 1')
    await expect(textsOf(fileSource(`${file}/x`))).rejects.toMatchObject({ code: 'not_found' })
  })

  test('of a pipe or a device is refused, and not waited for', async () => {
    const pipe = join(createFolder(), 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const path of [pipe, '/dev/zero']) {
      await expect(textsOf(fileSource(path))).rejects.toMatchObject({ code: 'unavailable' })
    }
  })
})

/** Resolves at the next change. */
async function nextChange(path: string, change: () => void): Promise<void> {
  let end: () => void = () => undefined
  const told = new Promise<void>((resolve) => {
    end = fileSource(path).watch?.(resolve) ?? end
  })
  change()
  await told
  end()
}

describe('a watch', () => {
  test('tells of a file that is written, replaced, deleted and created', async () => {
    const folder = createFolder()
    const file = join(folder, 'web.yaml')
    writeFileSync(file, 'a: 1')
    await nextChange(file, () => {
      writeFileSync(file, 'a: 2')
    })
    await nextChange(file, () => {
      writeFileSync(`${file}.new`, 'a: 3')
      renameSync(`${file}.new`, file)
    })
    await nextChange(file, () => {
      rmSync(file)
    })
    await nextChange(file, () => {
      writeFileSync(file, 'a: 4')
    })
  })

  test('tells of a mounted ConfigMap that is replaced, as a file and as a folder', async () => {
    const folder = createFolder()
    mount(folder, 0)
    await nextChange(join(folder, 'a.yaml'), () => {
      mount(folder, 1)
    })
    await nextChange(folder, () => {
      mount(folder, 2)
    })
  })

  test('tells again and again', async () => {
    const folder = createFolder()
    mount(folder, 0)
    const source = fileSource(folder)
    let tell: () => void = () => undefined
    const end = source.watch?.(() => {
      tell()
    })
    for (let version = 1; version <= 5; version++) {
      const told = new Promise<void>((resolve) => {
        tell = resolve
      })
      mount(folder, version)
      unmount(folder, version - 1)
      await told
    }
    end?.()
  })

  test('tells of a file that a link leads to', async () => {
    const folder = createFolder()
    const elsewhere = createFolder()
    const target = join(elsewhere, 'real.yaml')
    writeFileSync(target, 'a: 1')
    symlinkSync(target, join(folder, 'web.yaml'))
    await nextChange(join(folder, 'web.yaml'), () => {
      writeFileSync(target, 'a: 2')
    })
  })

  test('tells nothing of its neighbours, and nothing when it was ended', async () => {
    const folder = createFolder()
    const file = join(folder, 'web.yaml')
    writeFileSync(file, 'a: 1')
    const source = fileSource(file)
    let told = 0
    const end = source.watch?.(() => {
      told++
    })
    const seenByAnother = async (name: string): Promise<void> => {
      await new Promise<void>((resolve) => {
        const other = watch(folder, (_event, seen) => {
          if (seen !== name) return
          other.close()
          resolve()
        })
        writeFileSync(join(folder, name), 'b: 1')
      })
    }
    await seenByAnother('neighbour.yaml')
    expect(told).toBe(0)
    end?.()
    await seenByAnother('web.yaml')
    expect(told).toBe(0)
  })

  test('of a folder that is not there tells nothing, and throws nothing', () => {
    const end = fileSource('/none/such/web.yaml').watch?.(() => undefined)
    end?.()
    expect(end).toBeDefined()
  })
})
