import type { ConfigPath } from '../config-tree.ts'

const plainName = /^[^.[\]"*\s]+$/

/**
 * A path as people write it: `server.ports[2]`, and `routes["a.b"].tags` where a name has a dot, a bracket, a quote, a star or a space in it.
 *
 * @returns An empty text for the root.
 */
export function formatPath(path: ConfigPath): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (plainName.test(segment)) text += text === '' ? segment : `.${segment}`
    else text += `[${JSON.stringify(segment)}]`
  }
  return text
}

const segmentPattern = /\.?(?:\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]"]+))/y

/**
 * Reads what `formatPath` writes. `ports.2` is as good as `ports[2]`: what it is depends on what is there.
 *
 * @throws `TypeError` where the text is no path.
 */
export function parsePath(text: string): ConfigPath {
  const path: (string | number)[] = []
  let position = 0
  while (position < text.length) {
    segmentPattern.lastIndex = position
    const found = text[position] === '.' && position === 0 ? null : segmentPattern.exec(text)
    if (!found) throw malformed(text)
    const [whole, index, quoted, name] = found
    // A name follows a dot, unless it is the first one; a bracket follows none.
    if (name !== undefined ? position > 0 && !whole.startsWith('.') : whole.startsWith('.')) {
      throw malformed(text)
    }
    if (index !== undefined) path.push(Number(index))
    else path.push(quoted === undefined ? (name ?? '') : readQuoted(quoted, text))
    position += whole.length
  }
  return path
}

function readQuoted(quoted: string, text: string): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    throw malformed(text)
  }
}

function malformed(text: string): TypeError {
  return new TypeError(
    `Cannot read path: names with dots and indices in brackets were wanted, as in server.ports[2], received ${JSON.stringify(text.slice(0, 200))}`,
  )
}

/** Whether a path is one that a pattern is of: `*` stands for any one name or index. */
export function matchesPath(path: ConfigPath, pattern: ConfigPath): boolean {
  return (
    path.length === pattern.length &&
    pattern.every((segment, index) => segment === '*' || segment === String(path[index] ?? ''))
  )
}

/** A pattern such as `routes.*.tags`, for `matchesPath`: all its segments are texts. */
export function parsePattern(text: string): ConfigPath {
  return parsePath(text).map(String)
}
