import { sha256Bucketing } from './sha256-bucketing.ts'
import { murmur3Bucketing } from './murmur3-bucketing.ts'
import {
  checkDuplicates,
  checkFields,
  checkList,
  checkName,
  describeValue,
  type FaultReport,
  suggest,
  isRecord,
} from './definition-checks.ts'
import { getOwn } from './definition-parts.ts'
import { checkAttribute, findSegments, type SegmentCheck } from './validate-condition.ts'
import type { KnownDefinitions } from './validate-flag.ts'
import { checkVariantName, readVariantNames } from './validate-variants.ts'

const maxPrerequisites = 20
const maxSaltCharacters = 256
const maxChain = 16

/** @param name Of the segment that is checked, where it is one. */
export function checkSegmentReference(
  known: KnownDefinitions | undefined,
  name?: string,
): SegmentCheck {
  const segments = known?.segments ?? {}
  return (report, path, target) => {
    if (target === name) report(path, 'must not rest on itself')
    else if (known !== undefined && !Object.hasOwn(segments, target))
      report(
        path,
        `must name a segment that is there, received ${JSON.stringify(target)}${suggest(target, Object.keys(segments))}`,
      )
    else
      checkChain(report, path, { name, target }, (one) =>
        findSegments(getOwn(getOwn(segments, one), 'when')),
      )
  }
}

export function checkPrerequisites(
  report: FaultReport,
  name: string,
  prerequisites: unknown,
  known: KnownDefinitions | undefined,
): void {
  if (prerequisites === undefined) return
  const list = checkList(report, 'prerequisites', prerequisites, { max: maxPrerequisites })
  list.forEach((prerequisite, i) => {
    const path = `prerequisites[${i}]`
    if (!isRecord(prerequisite)) {
      report(path, `must be a prerequisite, received ${describeValue(prerequisite)}`)
      return
    }
    checkFields(report, path, prerequisite, ['flag', 'variants'])
    const { flag: target, variants = ['on'] } = prerequisite
    const wanted = checkList(report, `${path}.variants`, variants, { min: 1, max: 100 })
    checkDuplicates(report, `${path}.variants`, wanted)
    const flag: unknown = typeof target === 'string' ? getOwn(known?.flags, target) : undefined
    wanted.forEach((variant, j) => {
      const at = `${path}.variants[${j}]`
      if (isRecord(flag)) checkVariantName(report, at, variant, readVariantNames(flag))
      else checkName(report, at, variant)
    })
    if (!checkName(report, `${path}.flag`, target)) return
    if (target === name) report(`${path}.flag`, 'must not rest on itself')
    else if (known !== undefined && flag === undefined)
      report(
        `${path}.flag`,
        `must name a flag that is there, received ${JSON.stringify(target)}${suggest(target, Object.keys(known.flags))}`,
      )
    else
      checkChain(report, `${path}.flag`, { name, target }, (one) =>
        findPrerequisites(getOwn(known?.flags, one)),
      )
  })
  checkDuplicates(
    report,
    'prerequisites',
    list.map((one) => getOwn(one, 'flag')),
  )
}

/** Names of the flags that a flag rests on directly. */
export function findPrerequisites(flag: unknown): readonly string[] {
  const prerequisites = getOwn(flag, 'prerequisites')
  if (!Array.isArray(prerequisites)) return []
  return prerequisites
    .map((one) => getOwn(one, 'flag'))
    .filter((target): target is string => typeof target === 'string')
}

export function checkBucketing(
  report: FaultReport,
  bucketing: unknown,
  known: KnownDefinitions | undefined,
): void {
  if (bucketing === undefined) return
  if (!isRecord(bucketing)) {
    report('bucketing', `must be an object, received ${describeValue(bucketing)}`)
    return
  }
  checkFields(report, 'bucketing', bucketing, ['algorithm', 'version', 'salt', 'by'])
  const { algorithm, version, salt, by } = bucketing
  const algorithms = [sha256Bucketing, murmur3Bucketing, ...(known?.algorithms ?? [])]
  if (!algorithms.some((one) => one.name === algorithm && one.version === version)) {
    const choices = algorithms.map((one) => `${one.name} version ${one.version}`)
    report('bucketing', `must name an algorithm and a version of it: ${choices.join(', ')}`)
  }
  if (!(typeof salt === 'string' && salt.length <= maxSaltCharacters && salt.isWellFormed()))
    report('bucketing.salt', `must be well-formed text of at most ${maxSaltCharacters} characters`)
  if (by !== undefined) checkAttribute(report, 'bucketing.by', by)
}

/** Reports a reference through which a definition would rest on itself, or on a chain that is too long. */
function checkChain(
  report: FaultReport,
  path: string,
  { name, target }: { readonly name: string | undefined; readonly target: string },
  toReferences: (name: string) => readonly string[],
): void {
  // Met again before its length is known, a definition rests on itself.
  const lengths = new Map<string | undefined, number>([[name, Infinity]])
  const toLength = (current: string): number => {
    const known = lengths.get(current)
    if (known !== undefined) return known
    lengths.set(current, Infinity)
    const length = 1 + Math.max(0, ...toReferences(current).map(toLength))
    lengths.set(current, length)
    return length
  }
  const length = toLength(target)
  if (length === Infinity) report(path, 'must not rest on itself, directly or through others')
  else if (length >= maxChain) report(path, `must not begin a chain of more than ${maxChain}`)
}
