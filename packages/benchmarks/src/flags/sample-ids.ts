import { createSeededRandom } from '@codex/cloudflare-clients/testing'

const names = ['zoë', 'søren', '佐藤', 'Дарья', 'nguyễn', '👩🏽‍🚀', 'אבי', 'amélie', 'plain', 'x']

/**
 * The same ids in every run, as ids are: numbers that follow each other, UUIDs, mail addresses, and names in other scripts.
 */
export function createSampleIds(count: number): string[] {
  const random = createSeededRandom('ids')
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
  return Array.from({ length: count }, (_, index) => {
    if (index % 4 === 0) return `user-${index}`
    if (index % 4 === 1) return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`
    const name = names[index % names.length] ?? ''
    return index % 4 === 2 ? `${name}.${index}@example.com` : `${name} ${index}`
  })
}
