import type { FlagChangeRefusal, FlagChangeRequest, FlagFault } from './flag-authority-calls.ts'

const maxNameLength = 128
const maxAuthorLength = 200
const maxReasonLength = 1000
/** In one reply. */
const maxFaults = 50

/** What is wrong with a request for a change, beside its definition. It comes from another Worker, so nothing is taken for granted. */
export function faultsOfChange(request: FlagChangeRequest): readonly FlagFault[] {
  const faults: FlagFault[] = []
  const check = (path: string, isGood: boolean, reason: string): void => {
    if (!isGood) faults.push({ path, reason })
  }
  const name = `must be ${toRange(1, maxNameLength)}, without control characters`
  const { changeId, target, next, renamedFrom, ifVersion, author, reason } = request
  check('changeId', isName(changeId), name)
  check('target.kind', /^(flag|segment)$/.test(target.kind), 'must be "flag" or "segment"')
  check('target.name', isName(target.name), name)
  check('next', (next as unknown) !== undefined, 'must be a definition or null')
  if (renamedFrom !== undefined) {
    check('renamedFrom', isName(renamedFrom), name)
    check('renamedFrom', renamedFrom !== target.name, 'must be another name')
    check('renamedFrom', target.kind === 'flag', 'must be absent: only flags are renamed')
    check('next', next !== null, 'must be a definition in a rename')
  }
  check(
    'ifVersion',
    ifVersion === undefined || (Number.isSafeInteger(ifVersion) && ifVersion >= 0),
    'must be a whole number from 0',
  )
  check('author', isText(author, 1, maxAuthorLength), `must be ${toRange(1, maxAuthorLength)}`)
  check(
    'reason',
    reason === undefined || isText(reason, 0, maxReasonLength),
    `must be ${toRange(0, maxReasonLength)}`,
  )
  return faults
}

function toRange(min: number, max: number): string {
  return `${min} to ${max} characters of well-formed text`
}

/** Names are compared as they are, so that one stays the same key of the ruleset everywhere. */
function isName(name: unknown): boolean {
  return isText(name, 1, maxNameLength) && !/\p{Cc}/u.test(String(name))
}

function isText(text: unknown, min: number, max: number): boolean {
  return typeof text === 'string' && text.length >= min && text.length <= max && text.isWellFormed()
}

export function invalid(path: string, reason: string): FlagChangeRefusal {
  return toInvalid([{ path, reason }])
}

export function toInvalid(faults: readonly FlagFault[]): FlagChangeRefusal {
  return { ok: false, reason: 'invalid', faults: faults.slice(0, maxFaults) }
}

/** @param index Of the change that was refused, of those that came together. */
export function refuseAt(index: number, refusal: FlagChangeRefusal): FlagChangeRefusal {
  return index === 0 ? refusal : { ...refusal, index }
}
