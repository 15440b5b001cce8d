import { XMLParser } from 'fast-xml-parser'

/** A list may have one element or none, which the text does not show. Everything stays text: a key can look like a number. */
const parser = new XMLParser({
  parseTagValue: false,
  ignoreAttributes: true,
  trimValues: false,
  isArray: (_name, path) =>
    ['ListBucketResult.Contents', 'ListBucketResult.CommonPrefixes', 'DeleteResult.Error'].includes(
      String(path),
    ),
})

export type XmlNode = Readonly<Record<string, unknown>>

/** @returns The children of the root with this name; none where the text is not that. */
export function parseXml(text: string, root: string): XmlNode {
  let parsed: unknown
  try {
    parsed = parser.parse(text)
  } catch {
    return {}
  }
  const node = (parsed as XmlNode | null)?.[root]
  return typeof node === 'object' && node !== null ? (node as XmlNode) : {}
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** @param children Their names and texts, in order, in each of the elements. */
export function buildXml(
  root: string,
  element: string,
  children: readonly Readonly<Record<string, string>>[],
): string {
  const texts = children.map((fields) => {
    const inner = Object.entries(fields).map(([name, text]) => {
      const escaped = text.replace(/[&<>]/g, (character) => entities[character] ?? '')
      return `<${name}>${escaped}</${name}>`
    })
    return `<${element}>${inner.join('')}</${element}>`
  })
  return `<${root}>${texts.join('')}</${root}>`
}

export function textOf(node: XmlNode, name: string): string | undefined {
  const value = node[name]
  return typeof value === 'string' ? value : undefined
}

export function nodesOf(node: XmlNode, name: string): readonly XmlNode[] {
  const value = node[name]
  return Array.isArray(value) ? (value as readonly XmlNode[]) : []
}
