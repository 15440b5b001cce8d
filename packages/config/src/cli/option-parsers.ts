import { InvalidArgumentError } from 'commander'

/** @throws {InvalidArgumentError} Commander says which option it is of, and what came. */
function refuse(wanted: string): never {
  throw new InvalidArgumentError(`It must be ${wanted}.`)
}

export function parseWholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (value >= min && value <= max) return value
    return refuse(`a whole number from ${min} to ${max}`)
  }
}

/** Of a document: from 1. */
export const parseVersion = parseWholeNumber(1, Number.MAX_SAFE_INTEGER)

/** The version that is expected: 0 where nothing may have been published. */
export const parseKnownVersion = parseWholeNumber(0, Number.MAX_SAFE_INTEGER)

/** From 0 to 100, in steps of 0.01. */
export function parsePercentage(text: string): number {
  const value = /^\d{1,3}(?:\.\d{1,2})?%?$/.test(text) ? Number.parseFloat(text) : NaN
  if (value <= 100) return value
  return refuse('a percentage from 0 to 100, in steps of 0.01')
}

/** `1,10,50`: each above the one before. */
export function parseSteps(text: string): readonly number[] {
  const steps = text.split(',').map((step) => parsePercentage(step.trim()))
  const isRising = steps.every((step, index) => step > (steps[index - 1] ?? 0))
  if (isRising) return steps
  return refuse('percentages above 0 that rise, such as 1,10,50')
}

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 }

/** Seconds, of `90`, `90s`, `1.5m` or `2h`. */
export function parseSeconds(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)([smh]?)$/.exec(text) ?? []
  const seconds = Number.parseFloat(amount) * (unitSeconds[unit] ?? NaN)
  if (seconds > 0) return seconds
  return refuse('a time above 0, such as 90, 90s, 5m or 1h')
}

/** The name of a variable of the environment. */
export function parseVariable(text: string): string {
  if (/^[A-Za-z_]\w*$/.test(text)) return text
  return refuse('the name of a variable of the environment')
}

/** For options that may be there several times. */
export function collect<T>(parse: (text: string) => T): (text: string, previous?: T[]) => T[] {
  return (text, previous = []) => [...previous, parse(text)]
}
