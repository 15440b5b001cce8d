import { describeValue, joinPath } from './definition-checks.ts'
import type { FlagChangeReply, FlagFault, FlagStep, FlagTarget } from './flag-authority-calls.ts'
import type { FlagDefinition } from './flag-definition.ts'
import { FlagError } from './flag-error.ts'

/** In a message; `faults` has all. */
const maxNamedFaults = 3

interface FlagRefusalOptions {
  /** Has each fault's path begin with the name of what it is in, because there are many. */
  readonly isImport: boolean
}

/** @throws {FlagError} When the change was refused. */
export function assertMade(
  reply: FlagChangeReply,
  steps: readonly FlagStep[],
  { isImport }: FlagRefusalOptions,
): asserts reply is FlagChangeReply & { readonly ok: true } {
  if (reply.ok) return
  const step = steps[reply.index ?? 0]
  if (step === undefined) throw new TypeError('Cannot change flags: what was refused is unknown')
  const { target, ifVersion = 0 } = step
  const operation = 'change'
  const what = toSubject(target)
  if (reply.reason === 'conflict') {
    throw new FlagError(
      `Cannot change ${what}: version ${ifVersion} was wanted, found ${reply.version}`,
      { code: 'conflict', operation },
    )
  }
  const faults = reply.faults.map((fault) => inCallersWords(fault, step))
  const reasons = faults.map(({ path, reason }) => `${path} ${reason}`.trim())
  throw new FlagError(`Cannot change ${what}: ${reasons.slice(0, maxNamedFaults).join('; ')}`, {
    code: 'invalid',
    operation,
    faults: isImport ? faults.map((fault) => toFaultOf(target.name, fault)) : faults,
  })
}

/** Without an authority nobody could confirm it. @throws {FlagError} */
export function assertNotStrict({ target, next }: FlagStep): void {
  if ((next as FlagDefinition | null)?.strict === undefined) return
  throw new FlagError(
    `Cannot change ${toSubject(target)}: a strict one needs an authority, received none`,
    { code: 'no_authority', operation: 'change' },
  )
}

/** For messages. A name may be anything where it comes from JavaScript. */
export function toSubject({ kind, name }: FlagTarget): string {
  return `${kind} ${typeof (name as unknown) === 'string' ? JSON.stringify(name) : describeValue(name)}`
}

/** Who called did not see the request that was made of it. */
function inCallersWords(fault: FlagFault, { renamedFrom }: FlagStep): FlagFault {
  switch (fault.path) {
    case 'target.name':
      return { ...fault, path: renamedFrom === undefined ? 'name' : 'to' }
    case 'renamedFrom':
      return { ...fault, path: 'from' }
    case 'next':
      return { ...fault, path: 'definition' }
    default:
      return fault
  }
}

function toFaultOf(name: string, { path, reason }: FlagFault): FlagFault {
  return { path: path === '' ? name : joinPath(name, path), reason }
}
