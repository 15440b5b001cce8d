const token =
  /[\t\n\r ]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null))/uy

/** What may come next: a value, a value or the end of a list, and so on. */
type Expected = 'value' | 'valueOrEnd' | 'name' | 'nameOrEnd' | 'colon' | 'commaOrEnd'

/**
 * Where a text stops being JSON. `JSON.parse` tells it in some runtimes for some mistakes, in a message that quotes the text.
 *
 * @returns The offset of the first thing that does not fit. The length of the text where its end does not, or everything fits.
 */
export function findJsonFault(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  for (;;) {
    token.lastIndex = at
    const found = token.exec(text)
    if (!found) return skipSpace(text, at)
    const [whole, mark, quoted] = found
    const start = at + whole.length - whole.trimStart().length
    at += whole.length
    const fits: Expected | undefined = mark
      ? follow(mark, expected, open)
      : followValue(quoted, expected)
    if (!fits) return start
    expected = fits
    if (open.length === 0 && fits === 'commaOrEnd') return skipSpace(text, at)
  }
}

function followValue(quoted: string | undefined, expected: Expected): Expected | undefined {
  if (expected === 'value' || expected === 'valueOrEnd') return 'commaOrEnd'
  const isName = expected === 'name' || expected === 'nameOrEnd'
  return isName && quoted !== undefined ? 'colon' : undefined
}

function follow(mark: string, expected: Expected, open: ('{' | '[')[]): Expected | undefined {
  const isValue = expected === 'value' || expected === 'valueOrEnd'
  const isIn = open.at(-1)
  switch (mark) {
    case '{':
    case '[':
      if (!isValue) return undefined
      open.push(mark)
      return mark === '{' ? 'nameOrEnd' : 'valueOrEnd'
    case ':':
      return expected === 'colon' ? 'value' : undefined
    case ',':
      if (expected !== 'commaOrEnd') return undefined
      return isIn === '{' ? 'name' : 'value'
    default: {
      const isEnd =
        expected === 'commaOrEnd' || expected === (mark === '}' ? 'nameOrEnd' : 'valueOrEnd')
      if (!isEnd || isIn !== (mark === '}' ? '{' : '[')) return undefined
      open.pop()
      return 'commaOrEnd'
    }
  }
}

function skipSpace(text: string, at: number): number {
  return at + (/^[\t\n\r ]*/.exec(text.slice(at))?.[0].length ?? 0)
}
