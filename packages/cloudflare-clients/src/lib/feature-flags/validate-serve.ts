import {
  checkDuplicates,
  checkFields,
  checkList,
  describeValue,
  type FaultReport,
  joinPath,
  maxListEntries,
  isRecord,
} from './definition-checks.ts'
import { checkVariantName, readOnVariant, readVariantNames } from './validate-variants.ts'

type Fields = Readonly<Record<string, unknown>>
const maxShares = 100

/**
 * Reports what is wrong with `variant`, `percentage` and `split`.
 *
 * @param served A rule, or the flag itself, which need not have one.
 */
export function checkServed(report: FaultReport, path: string, served: Fields, flag: Fields): void {
  const isRule = served !== flag
  const kinds = isRule ? ['variant', 'percentage', 'split'] : ['percentage', 'split']
  const given = kinds.filter((kind) => served[kind] !== undefined)
  if (given.length > 1) report(path, `must have only one of ${given.join(' and ')}`)
  if (isRule && given.length === 0) report(path, `must have one of ${kinds.join(', ')}`)
  const { variant, percentage, split } = served
  if (isRule && variant !== undefined)
    checkVariantName(report, joinPath(path, 'variant'), variant, readVariantNames(flag))
  if (percentage !== undefined)
    checkPercentage(report, joinPath(path, 'percentage'), percentage, flag)
  if (split !== undefined) checkSplit(report, joinPath(path, 'split'), split, flag)
}

export function checkUsers(report: FaultReport, field: 'allow' | 'block', flag: Fields): void {
  if (flag[field] === undefined) return
  const users = checkList(report, field, flag[field], { max: maxListEntries })
  users.forEach((user, i) => {
    if (typeof user !== 'string' || user === '')
      report(
        `${field}[${i}]`,
        `must be a user id, received ${user === '' ? 'empty text' : describeValue(user)}`,
      )
  })
  checkDuplicates(report, field, users)
  if (field === 'allow' && users.length > 0) checkOnVariant(report, field, flag)
}

function checkOnVariant(report: FaultReport, path: string, flag: Fields): void {
  if (readOnVariant(flag) === undefined)
    report(path, 'must be beside an onVariant, since no variant is named "on"')
}

function checkPercentage(
  report: FaultReport,
  path: string,
  percentage: unknown,
  flag: Fields,
): void {
  const isInRange = typeof percentage === 'number' && percentage >= 0 && percentage <= 100
  // 0.07 * 100 is 7.000000000000001.
  const steps = isInRange ? percentage * 100 : NaN
  if (!(Math.abs(steps - Math.round(steps)) < 1e-6))
    report(path, `must be from 0 to 100 in steps of 0.01, received ${describeValue(percentage)}`)
  checkOnVariant(report, path, flag)
}

function checkSplit(report: FaultReport, path: string, split: unknown, flag: Fields): void {
  const names = readVariantNames(flag)
  // Not a number where one of the weights is none.
  let sum = 0
  const shares = checkList(report, path, split, { min: 1, max: maxShares })
  shares.forEach((share, i) => {
    const at = `${path}[${i}]`
    if (!isRecord(share)) {
      report(at, `must be a share, received ${describeValue(share)}`)
      return
    }
    checkFields(report, at, share, ['variant', 'weight'])
    checkVariantName(report, `${at}.variant`, share.variant, names)
    const { weight } = share
    const isWeight = typeof weight === 'number' && weight >= 0
    sum += isWeight ? weight : NaN
    if (!isWeight)
      report(`${at}.weight`, `must be a number from 0, received ${describeValue(weight)}`)
  })
  if (shares.length > 0 && (sum === 0 || sum === Infinity))
    report(path, `must have weights with a sum above 0, received ${sum}`)
}
