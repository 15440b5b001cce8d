/**
 * Writes `bucketing-vectors.json`, by which implementations in other languages can be checked. It knows nothing of this package: the hash is Web
 * Crypto's, and the arithmetic is as the documentation of `sha256Bucketing` says.
 *
 *     node test/vectors/write-bucketing-vectors.ts
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const units = [
  '',
  'a',
  '0',
  'user-1',
  'user-2',
  'User-1',
  'user-1 ',
  'user:1',
  '3f8b8c1e-5a0e-4a6e-9d38-0c1f5a2d7b61',
  'ada@example.com',
  'Zoë',
  'Zoe\u0308',
  'Ærøskøbing',
  'пользователь',
  '用户42',
  'ユーザー',
  '사용자',
  'مستخدم',
  'उपयोगकर्ता',
  '🙂',
  '👩‍👩‍👧‍👦',
  '𝓤𝓼𝓮𝓻',
  '\u0000',
  '\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}',
  // What TextEncoder writes for half a character. JSON with one of these itself is refused by strict parsers.
  '\ufffd',
]
const salts = ['new-checkout', 'темы-🎨']
/** Bytes of `unit:salt` around the borders of SHA-256's blocks, with a salt of one byte. */
const lengths = [54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 121, 128, 1000]

async function toVector(unit: string, salt: string) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${unit}:${salt}`))
  const n = new DataView(digest).getUint32(0)
  const bucket = (n % 100) * 100 + (Math.floor(n / 100) % 100)
  return { unit, salt, n, bucket, share: bucket / 10_000 }
}

const inputs = [
  ...salts.flatMap((salt) => units.map((unit) => [unit, salt] as const)),
  ...lengths.map((length) => ['a'.repeat(length - 2), 's'] as const),
]
const vectors = await Promise.all(inputs.map(([unit, salt]) => toVector(unit, salt)))
const file = new URL('../../src/lib/feature-flags/bucketing-vectors.json', import.meta.url)
const lines = vectors.map((vector) => `    ${JSON.stringify(vector)}`)
await writeFile(
  fileURLToPath(file.href),
  `{\n  "sha256 version 1": [\n${lines.join(',\n')}\n  ]\n}\n`,
)
