import { describe, expect, it } from 'vitest'
import { createCoverArt } from './cover-art.ts'

const slugs = Array.from({ length: 60 }, (_, index) => `item-number-${String(index)}`)
const categories = ['music', 'writing', 'design', 'photography', 'code', 'film', 'x', 'y', 'z', '']

describe('createCoverArt', () => {
  it('draws the same cover for the same slug every time', () => {
    for (const slug of slugs) {
      expect(createCoverArt(slug, 'music')).toEqual(createCoverArt(slug, 'music'))
    }
  })

  it('draws what it has always drawn', () => {
    const { ground, paths } = createCoverArt('first-light', 'photography')
    expect({ ground, first: paths[0], count: paths.length }).toMatchInlineSnapshot(`
      {
        "count": 7,
        "first": {
          "d": "M-53.9 266.9a239.9 239.9 0 1 0 479.8 0a239.9 239.9 0 1 0 -479.8 0z",
          "fill": "#1e1b3a",
        },
        "ground": "#f4562f",
      }
    `)
  })

  it('gives every item of a category another cover', () => {
    const drawn = new Set(slugs.map((slug) => JSON.stringify(createCoverArt(slug, 'design'))))
    expect(drawn.size).toBe(slugs.length)
  })

  it('keeps a category to one family of at most three grounds', () => {
    for (const category of categories) {
      const grounds = new Set(slugs.map((slug) => createCoverArt(slug, category).ground))
      expect(grounds.size).toBeLessThanOrEqual(3)
    }
  })

  it('never writes a number that is not one', () => {
    for (const category of categories) {
      for (const slug of slugs) {
        const text = JSON.stringify(createCoverArt(slug, category))
        expect(text).not.toMatch(/NaN|undefined|Infinity|null/)
      }
    }
  })
})
