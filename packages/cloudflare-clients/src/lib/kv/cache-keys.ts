import { escapePart } from './escape-part.ts'

/** The texts of the cache's keys, before what KV would refuse is digested. */

/** @param group The escaped feature. */
export function toCacheText(group: string, id: readonly string[]): string {
  return `cache:${group}:${id.map(escapePart).join(':')}`
}

export function toEpochText(feature: string): string {
  return `cache-epoch:${escapePart(feature)}`
}

export function toTagText(tag: string): string {
  return `cache-tag:${escapePart(tag)}`
}
