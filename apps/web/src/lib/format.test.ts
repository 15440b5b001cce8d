import { describe, expect, it } from 'vitest'
import { formatBytes } from './format-bytes.ts'
import { formatDate, formatDateTime } from './format-date.ts'
import { formatDollars } from './format-dollars.ts'
import { formatPrice, parsePriceCents } from './format-price.ts'
import { formatTimeLeft } from './format-time-left.ts'

describe('formatTimeLeft', () => {
  it.each([
    [-1, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [86_400, '1 d'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatTimeLeft(seconds)).toBe(text)
  })
})

describe('formatDollars', () => {
  it.each([
    [0, '$0'],
    [0.000_000_5, 'under $0.000001'],
    [0.000_001, '$0.000001'],
    [0.000_105, '$0.000105'],
    [0.01, '$0.01'],
    [1.5, '$1.50'],
  ])('writes %d as %s', (dollars, text) => {
    expect(formatDollars(dollars)).toBe(text)
  })
})

describe('formatPrice', () => {
  it('calls 0 free and leaves out empty cents', () => {
    expect(formatPrice(0, 'usd')).toBe('Free')
    expect(formatPrice(1200, 'usd')).toBe('$12')
    expect(formatPrice(1250, 'usd')).toBe('$12.50')
    expect(formatPrice(999, 'eur')).toBe('€9.99')
  })
})

describe('parsePriceCents', () => {
  it.each([
    ['0', 0],
    ['12', 1200],
    ['12.5', 1250],
    ['12,50', 1250],
    [' $9.99 ', 999],
    ['0.29', 29],
    ['9999.99', 999_999],
    ['10000', 1_000_000],
    ['9999999999999.99', 999_999_999_999_999],
  ])('reads %j as %d cents', (text, cents) => {
    expect(parsePriceCents(text)).toBe(cents)
  })

  it.each(['', 'free', '-1', '1.234', '1e3', '10,000', '12.', '.5'])('refuses %j', (text) => {
    expect(parsePriceCents(text)).toBeNull()
  })
})

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KB'],
    [1536, '1.5 KB'],
    [26_214_400, '25 MB'],
    [1_610_612_736, '1.5 GB'],
  ])('writes %d bytes as %j', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('formatDate', () => {
  it('is the same on the server and in every browser', () => {
    const date = new Date('2026-11-20T23:30:00Z')
    expect(formatDate(date)).toBe('20 November 2026')
    expect(formatDateTime(date)).toBe('20 Nov 2026, 23:30 UTC')
  })
})
