import { expect, it } from 'vitest'
import { createWorkerOutputFilter } from './worker-output.ts'

function shown(lines: readonly string[]): string[] {
  return lines.filter(createWorkerOutputFilter())
}

it('shows errors with the lines that belong to them and hides requests', () => {
  expect(
    shown([
      '[wrangler:info] GET / 200 OK (5ms)',
      '✘ [ERROR] Uncaught TypeError: x is not a function',
      '    at handle (worker.ts:3:1)',
      '[wrangler:info] GET /library 500 Internal Server Error (9ms)',
      '    a line that belongs to the request',
    ]),
  ).toEqual(['✘ [ERROR] Uncaught TypeError: x is not a function', '    at handle (worker.ts:3:1)'])
})

it('shows what the workers print, but not their operation counts', () => {
  expect(
    shown([
      '[codex-queue-consumer] {"event":"media_failed","reason":"unreadable"}',
      '[codex-queue-consumer] {"event":"operations","worker":"queue-consumer"}',
      '[codex-web] hello',
    ]),
  ).toEqual([
    '[codex-queue-consumer] {"event":"media_failed","reason":"unreadable"}',
    '[codex-web] hello',
  ])
})

it("hides esbuild's warnings about bundled code, with their excerpts", () => {
  expect(
    shown([
      '▲ [WARNING] Duplicate key "tfoot" in object literal [duplicate-object-key]',
      '    server.js:4331:1:',
      '▲ [WARNING] {"event":"store_error","client":"cache"}',
    ]),
  ).toEqual(['▲ [WARNING] {"event":"store_error","client":"cache"}'])
})

it('hides the tables of bindings and the advice that are printed at every start', () => {
  expect(
    shown([
      'codex-web has access to the following bindings:',
      'env.CACHE_KV (cache)    KV Namespace    local',
      '▲ [WARNING] Scheduled Workers are not automatically triggered during local development.',
      '  To manually trigger a scheduled event, run:',
      '❓ Your types might be out of date. Re-run `wrangler types` to ensure your types are correct.',
    ]),
  ).toEqual([])
})
