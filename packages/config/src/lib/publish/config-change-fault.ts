import type { ConfigChangeRequest } from '../config-authority-calls.ts'
import { configDocumentLimits } from '../config-document.ts'

const kinds: readonly string[] = ['publish', 'rollback', 'rollout', 'ramp', 'promote', 'abort']
const maxChangeIdLength = 128
const maxAuthorLength = 200
const maxDescriptionLength = 1000
const { maxBodyBytes } = configDocumentLimits

/** What is wrong with a request from anywhere, as the end of a sentence; or `undefined`. */
export function faultOfChange(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null) return 'the change must be an object'
  const change = request as Readonly<
    Record<keyof Extract<ConfigChangeRequest, { kind: 'rollout' }> | 'toVersion', unknown>
  >
  const { kind, ifVersion, description } = change
  if (typeof kind !== 'string' || !kinds.includes(kind)) {
    return `kind must be one of ${kinds.join(', ')}`
  }
  if (!isText(change.changeId, 1, maxChangeIdLength)) {
    return `changeId must have 1 to ${maxChangeIdLength} characters`
  }
  if (!isText(change.author, 1, maxAuthorLength)) {
    return `author must have 1 to ${maxAuthorLength} characters`
  }
  if (description !== undefined && !isText(description, 0, maxDescriptionLength)) {
    return `description must have at most ${maxDescriptionLength} characters`
  }
  if (ifVersion !== undefined && !isVersion(ifVersion, 0)) {
    return 'ifVersion must be a whole number of at least 0'
  }
  if (kind === 'rollback' && !isVersion(change.toVersion, 1)) {
    return 'toVersion must be a whole number of at least 1'
  }
  if ((kind === 'rollout' || kind === 'ramp') && !isPercentage(change.percentage)) {
    const { percentage } = change
    // What came may be an object that cannot be made a text.
    const received = typeof percentage === 'number' ? percentage : typeof percentage
    return `percentage must be from 0 to 100 in steps of 0.01, received ${received}`
  }
  return kind === 'publish' || kind === 'rollout' ? faultOfBody(change) : undefined
}

function faultOfBody({
  body,
  syntax,
}: {
  readonly body: unknown
  readonly syntax: unknown
}): string | undefined {
  if (syntax !== 'json' && syntax !== 'yaml') return 'syntax must be json or yaml'
  // A lone surrogate would come back from KV as another character, under another hash.
  if (typeof body !== 'string' || !body.isWellFormed()) return 'body must be well-formed text'
  const isTooLarge =
    body.length > maxBodyBytes || new TextEncoder().encode(body).length > maxBodyBytes
  return isTooLarge ? `body must have at most ${maxBodyBytes} bytes` : undefined
}

function isText(value: unknown, minLength: number, maxLength: number): boolean {
  return (
    typeof value === 'string' &&
    value.length >= minLength &&
    value.length <= maxLength &&
    value.isWellFormed()
  )
}

function isVersion(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least
}

function isPercentage(value: unknown): boolean {
  if (typeof value !== 'number' || !(value >= 0 && value <= 100)) return false
  return Math.abs(value * 100 - Math.round(value * 100)) < 1e-6
}
