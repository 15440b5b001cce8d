/** @returns The network of an address, `/24` or `/48`, or `undefined` where the text is no address. */
export function toIpPrefix(ip: string): string | undefined {
  const text = ip.trim()
  const bytes = /^(?:\d{1,3}\.){3}\d{1,3}$/.test(text) ? text.split('.').map(Number) : []
  if (bytes.length === 4)
    return bytes.every((byte) => byte <= 255) ? toIpv4Prefix(bytes) : undefined
  if (!/^[\da-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]`)) return undefined
  // Lower case and without leading zeros, as RFC 5952 writes it.
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address)
  if (mapped !== null) {
    const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16))
    return toIpv4Prefix([high >> 8, high & 255, low >> 8])
  }
  const [head = '', tail = ''] = address.split('::')
  const [before, after] = [head, tail].map((side) => (side === '' ? [] : side.split(':')))
  const known = (before?.length ?? 0) + (after?.length ?? 0)
  const zeros = Array.from({ length: 8 - known }, () => '0')
  return `${[...(before ?? []), ...zeros, ...(after ?? [])].slice(0, 3).join(':')}::/48`
}

function toIpv4Prefix(bytes: readonly number[]): string {
  return `${bytes.slice(0, 3).join('.')}.0/24`
}
