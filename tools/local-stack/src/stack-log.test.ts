import { expect, it } from 'vitest'
import { parseLogEvent, StackLog } from './stack-log.ts'

it('joins lines that arrive in pieces and leaves out colours and empty lines', () => {
  const seen: string[] = []
  const log = new StackLog((line) => seen.push(line))
  log.append('first\nsec')
  expect(seen).toEqual(['first'])
  log.append('\u001B[31mond\u001B[39m\n\nthird')
  expect(seen).toEqual(['first', 'second'])
  log.append('\n')
  expect(log.toString()).toBe('first\nsecond\nthird')
})

it('gives what was printed after a mark', () => {
  const log = new StackLog()
  log.append('before\n')
  const mark = log.position
  log.append('[codex-web] {"event":"a"}\nplain\n{"event":"b"}\n')
  expect(log.since(mark)).toEqual(['[codex-web] {"event":"a"}', 'plain', '{"event":"b"}'])
  expect(log.eventsSince(mark)).toEqual([{ event: 'a' }, { event: 'b' }])
  expect(log.since(log.position)).toEqual([])
})

it('keeps marks valid while it lets go of the oldest lines', () => {
  const log = new StackLog()
  log.append('old\n'.repeat(60_000))
  const mark = log.position
  log.append('new\n')
  expect(log.since(mark)).toEqual(['new'])
  expect(log.since(0)).toHaveLength(50_000)
})

it.each(['plain text', '{"no":"event"}', '{"event":3}', '{"event":"cut', 'null', '[]'])(
  'takes %j for no event',
  (line) => {
    expect(parseLogEvent(line)).toBeNull()
  },
)
