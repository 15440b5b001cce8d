import { describe, expect, it } from 'vitest'
import { median, pairedRatio } from './paired-ratio.ts'

describe('pairedRatio', () => {
  it('takes turns, with another one first each time', async () => {
    const order: string[] = []
    const measure = (side: 'base' | 'other'): Promise<number> => {
      order.push(side)
      return Promise.resolve(side === 'base' ? 10 : 20)
    }
    expect(await pairedRatio({ repetitions: 2, measure })).toBe(2)
    expect(order).toEqual(['base', 'other', 'other', 'base'])
  })
})

describe('median', () => {
  it('is the middle, or the middle of the two', () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it('refuses nothing to take it of', () => {
    expect(() => median([])).toThrow('Cannot take a median: there are no numbers')
  })
})
