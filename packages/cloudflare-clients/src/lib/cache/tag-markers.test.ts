import { expect, test } from 'vitest'
import { TagMarkers } from './tag-markers.ts'

test('a stamp never goes back', () => {
  const markers = new TagMarkers()
  markers.learn('t', 5, 5)
  markers.learn('t', 3, 6)
  expect(markers.highest(['t', 'unknown'])).toBe(5)
})

test('those that were not asked for since are due', () => {
  const markers = new TagMarkers()
  markers.learn('old', 0, 10)
  markers.learn('new', 0, 11)
  expect(markers.due(['old', 'new', 'unknown'], 10)).toEqual(['old', 'unknown'])
})

test('of too many, those learned longest ago are forgotten and asked for again', () => {
  const markers = new TagMarkers(2)
  markers.learn('a', 1, 1)
  markers.learn('b', 2, 2)
  markers.learn('a', 1, 3)
  markers.learn('c', 3, 3)
  expect(['a', 'b', 'c'].map((key) => markers.highest([key]))).toEqual([1, 0, 3])
  expect(markers.due(['a', 'b', 'c'], 0)).toEqual(['b'])
})
