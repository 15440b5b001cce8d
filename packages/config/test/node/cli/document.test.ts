import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliWorld, createCliWorld } from './cli-world.ts'
import { writeCommandReference } from './command-reference.ts'
import { runHere } from './run-here.ts'

/** `UPDATE_DOCS=1` writes what the program says now. */
const isUpdating = process.env.UPDATE_DOCS === '1'
const path = join(import.meta.dirname, '../../../../../docs/codex-config.md')
const [begin, end] = ['<!-- reference: begin -->\n', '<!-- reference: end -->']

let world: CliWorld
let document = readFileSync(path, 'utf8')

beforeAll(async () => {
  world = await createCliWorld()
  for (const [, name = '', text = ''] of document.matchAll(
    /^`([\w./-]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm,
  )) {
    if (!name.includes('profiles')) await world.write(name, text)
  }
})

afterAll(() => world.close())

test('what the document shows is what the program says', async () => {
  const env = {
    CLOUDFLARE_API_TOKEN: world.api.apiToken,
    API_TOKEN: 'correct-horse-battery',
    PORT: '8443',
    USER: 'ada',
  }
  const parts: string[] = []
  let position = 0
  for (const block of document.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    const said: string[] = []
    for (const [, line = ''] of (block[1] ?? '').matchAll(/^\$ (.*)$/gm)) {
      said.push(`$ ${line}\n`)
      const [command = '', echo] = line.split('; ')
      const { exitCode } = await runHere(
        splitWords(command).slice(1),
        { cwd: world.folder, env },
        (text) => said.push(text),
      )
      if (echo !== undefined) said.push(`${exitCode}\n`)
    }
    const shown = said
      .join('')
      // Documents are of another day, and are not run again each day.
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-11-21T09:30:00Z')
      .replaceAll(/"atMs":\d+/g, '"atMs":1795253400000')
    parts.push(document.slice(position, block.index), `\`\`\`console\n${shown}\`\`\``)
    position = block.index + block[0].length
  }
  parts.push(document.slice(position))
  update(parts.join(''))
})

test('the document has every command and option of the program', () => {
  const start = document.indexOf(begin) + begin.length
  update(
    `${document.slice(0, start)}\n${writeCommandReference()}\n${document.slice(document.indexOf(end))}`,
  )
})

function update(expected: string): void {
  if (isUpdating) {
    writeFileSync(path, expected)
    document = expected
  }
  expect(document).toBe(expected)
}

/** As the shell does with what the document has in it. */
function splitWords(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, single, double, plain]) =>
    String(single ?? double ?? plain),
  )
}
